// The buttons and sliders under the picture: everything that mouse gestures do can be done with them too.

class Tools {
  constructor(root, viewer, signal) {
    this.root = root.querySelector(".tools");
    this.viewer = viewer;
    const on = (name, event, act) => this.named(name).addEventListener(event, act, { signal });
    on("frame", "input", () => viewer.go(Number(this.named("frame").value) - 1));
    on("plane", "change", () => viewer.turn(Number(this.named("plane").value)));
    on("preset", "change", () => viewer.choose(this.named("preset").value));
    on("brightness", "input", () => this.slide());
    on("contrast", "input", () => this.slide());
    on("overlay", "input", () => viewer.cover(Number(this.named("overlay").value) / 100));
    on("play", "click", () => viewer.play(!viewer.playing));
    on("smaller", "click", () => viewer.enlarge(0.8));
    on("larger", "click", () => viewer.enlarge(1.25));
    on("fit", "click", () => viewer.fit());
    on("invert", "click", () => viewer.invert());
    on("text", "click", () => viewer.text());
    on("large", "click", () => viewer.large());
    on("keys", "click", () => viewer.help());
  }

  named(name) {
    return this.root.querySelector(`[name="${name}"]`);
  }

  press(name, on) {
    this.named(name).setAttribute("aria-pressed", String(on));
  }

  frames(count) {
    this.root.querySelector(".frames").hidden = count < 2;
    this.named("play").hidden = count < 2;
    this.named("frame").max = String(Math.max(1, count));
  }

  planes(names, chosen) {
    this.root.querySelector(".planes").hidden = names.length < 2;
    const select = this.named("plane");
    select.replaceChildren(...names.map((name, place) => Object.assign(document.createElement("option"), { value: String(place), textContent: name })));
    select.value = String(chosen);
  }

  at(index) {
    this.named("frame").value = String(index + 1);
  }

  playing(on) {
    this.named("play").textContent = on ? "Pause" : "Play";
  }

  covered(told, opacity) {
    const part = this.root.querySelector(".overlay");
    part.hidden = !told;
    if (!told) return;
    part.querySelector("span").textContent = told.name || "Map";
    this.named("overlay").value = String(Math.round(100 * opacity));
  }

  // The presets of this kind of picture, and where the window stands among them.
  windows(windowing, facts, reference) {
    const names = windowing.presets(facts).map(([name]) => name);
    const shown = windowing.name === "Own" ? [...names, "Own"] : names;
    const select = this.named("preset");
    if (this.listed !== shown.join("|")) {
      this.listed = shown.join("|");
      select.replaceChildren(...shown.map((name, place) => option(name, shortcut(name, place, shown))));
    }
    select.value = windowing.name;
    for (const part of this.root.querySelectorAll(".windowing")) part.hidden = facts.kind === "rgb";
    if (facts.kind === "rgb") return;
    this.reference = reference;
    const { centre, width } = windowing.base(facts);
    const brightness = 100 - (100 * (centre - reference.centre)) / reference.width;
    const contrast = 100 - 25 * Math.log2(width / reference.width);
    if (document.activeElement !== this.named("brightness")) this.named("brightness").value = String(brightness);
    if (document.activeElement !== this.named("contrast")) this.named("contrast").value = String(contrast);
  }

  slide() {
    const { centre, width } = this.reference;
    const brightness = Number(this.named("brightness").value);
    const contrast = Number(this.named("contrast").value);
    this.viewer.window(centre + (width * (100 - brightness)) / 100, width * 2 ** ((100 - contrast) / 25));
  }
}

function option(name, keys) {
  return Object.assign(document.createElement("option"), { value: name, textContent: keys ? `${name} (${keys})` : name });
}

// Alt+1 and on for the presets before the file's own window, which is Alt+5 wherever it stands.
function shortcut(name, place, names) {
  if (name === STORED) return "Alt+5";
  return place < names.indexOf(STORED) ? `Alt+${place + 1}` : "";
}
