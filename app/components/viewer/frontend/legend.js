// The words on the picture: which frame, which window, what lies under the pointer, how long a centimetre is, which side.

const PLANES = {
  patient: "",
  detector: " at detector",
  scanned: " on the scanned film",
  unknown: " (plane not stated)",
};

class Legend {
  constructor(root) {
    this.part = (name) => root.querySelector(`.legend .${name}`);
    this.root = root.querySelector(".legend");
    this.titles = [];
  }

  show(visible) {
    this.root.classList.toggle("hidden", !visible);
  }

  write(name, text) {
    const part = this.part(name);
    if (part.textContent !== text) part.textContent = text;
  }

  sides(facts) {
    const { left, right, top, bottom } = facts.sides;
    this.write("left", left || "?");
    this.write("right", right || "?");
    this.write("top", top);
    this.write("bottom", bottom);
    this.write("title", [...this.titles, left || right ? "" : "Left and right are not stated"].filter(Boolean).join("\n"));
  }

  bar(facts, view) {
    const part = this.part("bar");
    const known = facts.spacing && facts.plane !== "none" && facts.plane in PLANES;
    part.style.display = known ? "" : "none";
    if (!known) return;
    const perMillimetre = view.scale / facts.spacing[1];
    const length = niceLength((view.width * 0.25) / perMillimetre);
    part.querySelector("i").style.width = `${length * perMillimetre}px`;
    part.querySelector("b").textContent = `${length >= 1 ? length : length.toPrecision(1)} mm${PLANES[facts.plane]}`;
  }

  under(frame, spot, view) {
    const size = `${Math.round(100 * view.scale)} %`;
    if (!spot) {
      this.write("under", size);
      return;
    }
    const { facts } = frame;
    const row = Math.min(facts.rows - 1, Math.floor(spot.row / facts.step));
    const column = Math.min(facts.columns - 1, Math.floor(spot.column / facts.step));
    const value = valueAt(frame, row, column);
    const place = `x ${spot.column + 1}  y ${spot.row + 1}`;
    this.write("under", `${said(value, facts)}\n${place}  ${size}`);
  }
}

function said(value, facts) {
  if (value === null) return "outside the picture";
  if (Array.isArray(value)) return `red ${value[0]}  green ${value[1]}  blue ${value[2]}`;
  const mean = facts.step > 1 ? "about " : "";
  const unit = facts.units === "stored" ? "" : ` ${facts.units}`;
  return `${facts.units === "stored" ? "value " : ""}${mean}${number(value)}${unit}`;
}

// The largest of 1, 2 and 5 times a power of ten that is no longer than `most`.
function niceLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((n) => n * power).find((length) => length <= most) || power;
}
