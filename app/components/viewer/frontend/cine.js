// Cine: the frames one after another, at the speed that the file states.

const UNSTATED_RATE = 10;

class Cine {
  constructor(viewer) {
    this.viewer = viewer;
    this.playing = false;
  }

  play(on) {
    const { viewer } = this;
    cancelAnimationFrame(this.ticking);
    this.playing = on && viewer.count > 1;
    viewer.tools.playing(this.playing);
    if (!this.playing) return;
    const stated = viewer.frame && viewer.frame.facts.rate;
    const rate = stated || UNSTATED_RATE;
    viewer.say(`Playing, ${number(rate)} per second${stated ? "" : "; the file states no speed"}`);
    let due = performance.now() + 1000 / rate;
    const tick = (now) => {
      if (!this.playing) return;
      const next = (viewer.index + 1) % viewer.count;
      // The next frame waits until it has come; a slow line makes a slow film, not one with gaps.
      if (now >= due && viewer.frames.get(next)) {
        due = Math.max(due + 1000 / rate, now);
        viewer.show(next);
      } else if (now >= due) {
        viewer.frames.fetch(next, false);
      }
      this.ticking = requestAnimationFrame(tick);
    };
    this.ticking = requestAnimationFrame(tick);
  }
}
