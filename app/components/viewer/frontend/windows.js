// Windows: the file's own, presets by kind of picture, and what dragging makes of them.

const CT_PRESETS = [
  ["Lung", -600, 1500],
  ["Soft tissue", 40, 400],
  ["Bone", 400, 1800],
  ["Brain", 40, 80],
];
const STORED = "As stored";

class Windowing {
  constructor() {
    this.reset();
  }

  reset() {
    this.name = STORED;
    this.manual = null;
    this.inverted = false;
    this.shared = null;
  }

  // Frames without a window of their own are all shown in that of the first one seen: a fit for each would flicker.
  share(facts) {
    this.shared ||= { ...fileWindow(facts), stored: facts.windows.length > 0 };
  }

  // The presets of a frame by name, those of Alt+1, Alt+2, ... first and the file's own last.
  presets(facts) {
    if (facts.kind === "rgb") return [];
    const [centre, width] = facts.fitted;
    const shared =
      facts.units === "HU"
        ? CT_PRESETS
        : [
            ["Fitted", centre, width],
            ["More contrast", centre, width / 2],
            ["Less contrast", centre, width * 2],
          ];
    const stored = facts.windows.slice(1).map(([c, w, name], n) => [`${STORED}, ${name || `no. ${n + 2}`}`, c, w]);
    return [...shared, [STORED, null, null], ...stored];
  }

  choose(name, facts) {
    const found = this.presets(facts).find(([known]) => known === name);
    if (!found) return;
    this.name = name;
    this.manual = name === STORED ? null : { centre: found[1], width: found[2] };
  }

  set(centre, width) {
    this.name = "Own";
    this.manual = { centre, width };
  }

  // {centre, width, exact} for a frame, or null where the file's tone curve applies.
  of(facts) {
    const exact = facts.slope !== 1 || facts.function === "LINEAR_EXACT";
    if (this.manual) return { ...this.manual, exact };
    if (facts.tone) return null;
    if (!facts.windows.length && this.shared) return { centre: this.shared.centre, width: this.shared.width, exact: true };
    return { ...fileWindow(facts), exact: exact || !facts.windows.length };
  }

  // What dragging begins from.
  base(facts) {
    return this.of(facts) || fileWindow(facts);
  }

  // Across changes the width, by a share; down the centre, in parts of the width.
  drag(from, dx, dy, facts) {
    const least = facts.slope === 1 ? 1 : facts.slope * 4;
    const width = Math.min(200000, Math.max(least, from.width * Math.exp(dx / 200)));
    this.set(from.centre + (dy * Math.max(from.width, least)) / 300, width);
  }

  words(facts) {
    if (facts.kind === "rgb") return this.inverted ? "Colour, inverted" : "Colour";
    const window = this.of(facts);
    const swap = this.inverted ? ", inverted" : "";
    if (!window) return `Tone curve from the maker${swap}`;
    const stored = facts.windows.length > 0 || (this.shared && this.shared.stored);
    const own = this.name !== STORED ? this.name : stored ? "as stored" : "fitted, none stored";
    return `C ${number(window.centre)}  W ${number(window.width)}  (${own.toLowerCase()}${swap})`;
  }
}

// The file's first window, or one fitted to the picture where it has none.
function fileWindow(facts) {
  const [centre, width] = facts.windows[0] || facts.fitted;
  return { centre, width };
}

function number(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 20 || Number.isInteger(value) ? 0 : size >= 1 ? 1 : 3).replace("-", "−");
}
