// The viewer: one picture or stack on a canvas. Scrolling, windowing and zooming never ask Python for anything.

class Viewer {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector(".stage");
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.closing = new AbortController();
    this.view = new View();
    this.greys = new Greys();
    this.windowing = new Windowing();
    this.legend = new Legend(root);
    this.spoken = new Spoken(root);
    this.overlay = new Overlay(() => this.redraw());
    this.cine = new Cine(this);
    this.tools = new Tools(root, this, this.closing.signal);
    this.textShown = true;
    this.pointer = null;
    listen(this, root, this.stage, this.closing.signal);
    this.observer = new ResizeObserver(() => this.fill());
    this.observer.observe(this.stage);
    this.plane = 0;
  }

  // What Python passes: see the component's Python side. The same case again only renews its address.
  update(data, ask) {
    this.ask = ask;
    const same = this.data && this.data.id === data.id && this.views.length === this.planesOf(data).length;
    this.data = data;
    if (same) {
      this.views.forEach((view, place) => (view.frames.url = this.planesOf(data)[place].url));
      if (this.stale) {
        this.stale = false;
        this.want();
      }
    } else {
      this.open(data);
    }
    if (data.bring_up && !this.brought) this.root.scrollIntoView({ block: "start" });
    this.brought = true;
    this.overlay.load(data.overlay);
    this.tools.covered(data.overlay, this.overlay.opacity);
  }

  open(data) {
    this.play(false);
    for (const view of this.views || []) view.frames.close();
    const callbacks = { onFrame: (index) => this.came(index), onProblem: (index, told) => this.problem(index, told) };
    const ready = this.ahead && this.ahead.id === data.id ? this.ahead.frames : null;
    if (this.ahead && !ready) this.ahead.frames.close();
    this.ahead = null;
    // Frames and place of the stack as acquired, and of its side views.
    this.views = this.planesOf(data).map((plane, place) => ({
      frames: Object.assign(place === 0 && ready ? ready : new FrameStore(plane), callbacks, { url: plane.url }),
      index: plane.start,
    }));
    this.plane = 0;
    this.reference = null;
    this.stale = false;
    this.view.fit();
    this.windowing.reset();
    const kept = keptView(data.id, this.windowing);
    if (kept !== null && kept < data.count) this.views[0].index = kept;
    this.legend.titles = [data.title, data.note];
    this.legend.write("title", data.title);
    this.tools.planes(this.planesOf(data).map((plane) => plane.name), 0);
    this.enter();
  }

  planesOf(data) {
    const { view, url, count, start, planes } = data;
    return [{ name: view, url, count, start }, ...(planes || []).map((plane) => ({ ...plane, start: plane.count >> 1 }))];
  }

  // Look at the stack from another side; what is on the way for this one is given up.
  turn(plane) {
    const to = plane % this.views.length;
    if (to === this.plane) return;
    this.play(false);
    this.frames.rest();
    this.plane = to;
    this.view.fit();
    this.tools.planes(this.planesOf(this.data).map((one) => one.name), to);
    this.say(`View: ${this.planesOf(this.data)[to].name}`);
    this.enter();
  }

  get frames() {
    return this.views && this.views[this.plane].frames;
  }

  get count() {
    return this.views ? this.frames.count : 0;
  }

  get index() {
    return this.views[this.plane].index;
  }

  set index(to) {
    this.views[this.plane].index = to;
  }

  enter() {
    this.shown = null;
    this.stage.dataset.shown = "";
    this.tools.frames(this.count);
    this.want();
    this.redraw();
  }

  want() {
    this.root.querySelector(".problem").hidden = true;
    this.frames.want(this.index, { full: this.needsAll() });
    this.follow();
    clearTimeout(this.waiting);
    if (!this.frames.get(this.index)) {
      this.waiting = setTimeout(() => (this.root.querySelector(".busy").hidden = false), 300);
    }
  }

  came(index) {
    if (index !== this.index || !this.frames.get(index)) return;
    this.redraw();
    if (this.data.ahead && !this.ahead) {
      const quiet = { onFrame() {}, onProblem() {} };
      this.ahead = { id: this.data.ahead.id, frames: new FrameStore({ ...this.data.ahead, ...quiet }) };
      this.ahead.frames.fetch(this.data.ahead.start, false);
    }
  }

  problem(index, told) {
    if (index !== this.index) return;
    clearTimeout(this.waiting);
    this.root.querySelector(".busy").hidden = true;
    this.play(false);
    if (told.status === 401 && this.asked !== this.frames.url) {
      this.asked = this.frames.url; // an address lives for a quarter of an hour: ask for a new one, once
      this.stale = true;
      this.ask("renew", Date.now());
      this.waiting = setTimeout(() => this.stale && this.tellProblem(told), 5000);
      return;
    }
    this.tellProblem(told);
  }

  tellProblem(told) {
    const box = this.root.querySelector(".problem");
    box.querySelector("b").textContent = told.what;
    box.querySelector("span").textContent = told.todo;
    box.hidden = false;
    this.shown = null;
    this.redraw();
  }

  // Going through the stack

  go(index) {
    const to = Math.min(this.count - 1, Math.max(0, index));
    if (to === this.index) return;
    this.frames.direction = to > this.index ? 1 : -1;
    this.show(to);
    this.remember();
  }

  show(index) {
    this.index = index;
    this.want();
    this.redraw();
  }

  step(by) {
    if (this.playing) this.play(false);
    this.go(this.index + by);
  }

  neighbour(by) {
    if (this.data.neighbours) this.ask("neighbour", { by, at: Date.now() });
  }

  play(on) {
    this.cine.play(on);
  }

  get playing() {
    return this.cine.playing;
  }

  // The present frame; the last one drawn while it has not come yet.
  get frame() {
    return this.views && (this.frames.get(this.index) || this.shown);
  }

  // Window

  windowNow() {
    const frame = this.frame;
    return frame && frame.facts.kind !== "rgb" ? this.windowing.base(frame.facts) : null;
  }

  drag(from, dx, dy) {
    const frame = this.frame;
    if (!frame || !from || frame.facts.kind === "rgb" || (Math.abs(dx) < 3 && Math.abs(dy) < 3 && !this.windowing.manual)) return;
    this.windowing.drag(from, dx, dy, frame.facts);
    this.redraw();
  }

  window(centre, width) {
    this.windowing.set(centre, width);
    this.redraw();
    this.remember();
  }

  choose(name) {
    const frame = this.frame;
    if (!frame) return;
    this.windowing.choose(name, frame.facts);
    this.redraw();
    this.remember();
    this.say(this.windowing.words(frame.facts));
  }

  // Alt+5 is always the file's own window.
  preset(place) {
    const frame = this.frame;
    if (!frame || frame.facts.kind === "rgb") return;
    const names = this.windowing.presets(frame.facts).map(([name]) => name);
    const own = names.indexOf(STORED);
    if (place === 4) this.choose(STORED);
    else if (place < own) this.choose(names[place]);
  }

  invert() {
    this.windowing.inverted = !this.windowing.inverted;
    this.say(this.windowing.inverted ? "Black and white swapped" : "Black and white as usual");
    this.redraw();
    this.remember();
  }

  cover(opacity) {
    this.overlay.opacity = opacity;
    this.redraw();
  }

  // Place

  fit() {
    this.view.fit();
    this.redraw();
  }

  move(dx, dy) {
    if (!this.view.facts) return;
    this.view.move(dx, dy);
    this.redraw();
  }

  enlarge(factor, x, y) {
    if (!this.view.facts) return;
    this.view.enlarge(factor, x, y);
    this.redraw();
    if (this.needsAll()) this.want();
  }

  // Whether more pixels than have come would be seen.
  needsAll() {
    const frame = this.frames.get(this.index);
    if (!frame || frame.facts.step === 1) return false;
    this.view.hold(frame.facts);
    return this.view.scale * frame.facts.step * devicePixelRatio > 1.1;
  }

  text() {
    this.textShown = !this.textShown;
    this.legend.show(this.textShown);
    this.tools.press("text", this.textShown);
    this.redraw();
  }

  large() {
    const on = !this.root.classList.contains("filling");
    this.root.classList.toggle("filling", on);
    this.tools.press("large", on);
    try {
      // The top layer lies above everything, whatever the page around does.
      this.root.popover = on ? "manual" : null;
      if (on) this.root.showPopover();
    } catch {
      // position: fixed alone will do
    }
    this.stage.focus({ preventScroll: true });
  }

  help() {
    const keys = this.root.querySelector(".keys");
    keys.hidden = !keys.hidden;
    this.tools.press("keys", !keys.hidden);
  }

  escape() {
    if (!this.root.querySelector(".keys").hidden) this.help();
    else if (this.root.classList.contains("filling")) this.large();
  }

  point(x, y) {
    this.pointer = x === null ? null : [x, y];
    const { frame } = this;
    if (frame && this.view.facts) this.legend.under(frame, this.pointer && this.view.at(...this.pointer), this.view);
  }

  // Drawing

  fill() {
    const { clientWidth, clientHeight } = this.stage;
    if (!clientWidth || !clientHeight) return;
    this.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.view.resize(clientWidth, clientHeight);
    this.redraw(true);
  }

  redraw(now = false) {
    cancelAnimationFrame(this.drawing);
    if (now) this.draw();
    else this.drawing = requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (!this.views) return;
    const { context, canvas, frame } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!frame) return;
    const { facts } = frame;
    this.shown = frame;
    this.view.hold(facts);
    this.windowing.share(facts);
    this.reference ||= fileWindow(facts);
    const window = facts.kind === "rgb" ? null : this.windowing.of(facts);
    const picture = this.greys.paint(frame, window, facts.invert !== this.windowing.inverted);
    const { left, top, width, height } = this.view.place;
    context.scale(devicePixelRatio, devicePixelRatio);
    // Beyond six screen pixels per pixel, the pixels themselves are what somebody wants to see.
    context.imageSmoothingEnabled = this.view.scale * facts.step * devicePixelRatio < 6;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, left, top, width, height);
    if (this.plane === 0 && this.overlay.shownOn(this.index)) {
      context.imageSmoothingEnabled = true;
      context.globalAlpha = this.overlay.opacity;
      context.drawImage(this.overlay.canvas, left, top, width, height);
      context.globalAlpha = 1;
    }
    this.tell(frame);
    if (this.frames.get(this.index) === frame) {
      clearTimeout(this.waiting);
      this.root.querySelector(".busy").hidden = true;
      this.stage.dataset.shown = String(this.index);
    }
  }

  // Everything that is said of what is drawn, on the picture, under it and to a screen reader.
  tell(frame) {
    const { facts } = frame;
    this.legend.sides(facts);
    this.legend.bar(facts, this.view);
    this.legend.write("window", this.windowing.words(facts));
    this.legend.under(frame, this.pointer && this.view.at(...this.pointer), this.view);
    this.tools.windows(this.windowing, facts, this.reference);
  }

  follow() {
    const view = this.views.length > 1 ? `${this.planesOf(this.data)[this.plane].name} ` : "";
    this.legend.write("place", this.count > 1 ? `${view}${this.index + 1} / ${this.count}` : "");
    this.tools.at(this.index);
    this.spoken.frame(this.index, this.count, (words) => this.description(words));
  }

  description(words) {
    const frame = this.frames.get(this.index);
    return frame ? `${this.data.title}. ${words}. ${described(frame.facts, this.windowing)}` : "";
  }

  say(words) {
    this.spoken.say(words);
  }

  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => keepView(this.data.id, this.views[0].index, this.windowing), 250);
  }

  close() {
    this.play(false);
    this.closing.abort();
    this.observer.disconnect();
    for (const view of this.views || []) view.frames.close();
    if (this.ahead) this.ahead.frames.close();
  }
}

const viewers = new WeakMap();

// Streamlit calls this at every mount with new data; the viewer of a place is made once.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".viewer");
  let viewer = viewers.get(root);
  if (!viewer) {
    viewer = new Viewer(root);
    viewers.set(root, viewer);
  }
  viewer.update(data, setTriggerValue);
  return () => {
    viewer.close();
    viewers.delete(root);
  };
}
