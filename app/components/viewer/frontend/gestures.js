// Mouse, wheel, touch and keys, as movements of the viewer. Keys never go further than the viewer.

const STEP_PIXELS = 30;
const KEYS = [
  ["Wheel, ↑ ↓, or the Frame slider", "One frame"],
  ["Page Up, Page Down", "Ten frames"],
  ["Home, End", "First frame, last frame"],
  ["Space", "Play or pause"],
  ["Drag, left button", "Window: across for contrast, up and down for brightness"],
  ["Alt+1 to Alt+5", "Window presets, in the list's order"],
  ["Ctrl+wheel, drag with the right button, + and −", "Larger, smaller"],
  ["Drag with the middle button, Shift+drag, Shift+arrows", "Move the picture"],
  ["Double-click, 0", "Fit"],
  ["V", "The next view: axial, coronal, sagittal, where the slices are even"],
  ["I", "Swap black and white"],
  ["H", "Text on the picture on or off"],
  ["F, Esc", "Fill the screen, and back"],
  ["← →", "Previous and next picture of the list"],
  ["Touch", "One finger: window. Two: enlarge and move"],
];

function listen(viewer, root, stage, signal) {
  const on = (target, name, act, options = {}) => target.addEventListener(name, act, { signal, ...options });
  const pointers = new Map();
  let turned = 0;
  let held = null;

  const spot = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  on(
    stage,
    "wheel",
    (event) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        viewer.enlarge(Math.exp(-event.deltaY / 300), ...spot(event));
        return;
      }
      if (viewer.count < 2) return; // the page may scroll
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 40 : event.deltaMode === 2 ? 400 : 1);
      if (Math.abs(pixels) >= 50) {
        turned = 0;
        viewer.step(Math.sign(pixels));
        return;
      }
      turned += pixels; // a touch pad tells of many small turns
      const steps = Math.trunc(turned / STEP_PIXELS);
      if (steps) {
        turned -= steps * STEP_PIXELS;
        viewer.step(steps);
      }
    },
    { passive: false },
  );

  on(stage, "pointerdown", (event) => {
    if (event.target.closest(".keys")) return;
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    const [x, y] = spot(event);
    pointers.set(event.pointerId, { x, y });
    if (event.button === 1) event.preventDefault();
    const move = event.button === 1 || (event.button === 0 && event.shiftKey);
    held = { kind: move ? "move" : event.button === 2 ? "enlarge" : "window", x, y, from: viewer.windowNow(), gap: 0 };
    if (pointers.size === 2) held = { kind: "pinch", ...pinch(pointers) };
  });

  on(stage, "pointermove", (event) => {
    const [x, y] = spot(event);
    viewer.point(x, y);
    const last = pointers.get(event.pointerId);
    if (!last || !held) return;
    pointers.set(event.pointerId, { x, y });
    if (held.kind === "window") viewer.drag(held.from, x - held.x, y - held.y);
    if (held.kind === "move") viewer.move(x - last.x, y - last.y);
    if (held.kind === "enlarge") viewer.enlarge(Math.exp((last.y - y) / 150), held.x, held.y);
    if (held.kind === "pinch" && pointers.size === 2) {
      const now = pinch(pointers);
      viewer.enlarge(now.gap / Math.max(1, held.gap), now.x, now.y);
      viewer.move(now.x - held.x, now.y - held.y);
      held = { kind: "pinch", ...now };
    }
  });

  const release = (event) => {
    pointers.delete(event.pointerId);
    held = null;
    viewer.remember();
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "pointerleave", () => viewer.point(null));
  on(stage, "contextmenu", (event) => event.preventDefault());
  on(stage, "auxclick", (event) => event.preventDefault());
  on(stage, "dblclick", () => viewer.fit());

  on(root, "keydown", (event) => {
    event.stopPropagation(); // Streamlit binds R and C
    if (event.key === "Tab" || event.isComposing) return;
    const kind = event.target.tagName;
    if (kind === "INPUT" || kind === "SELECT") {
      if (event.key !== "Escape") return;
    }
    if (kind === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
    if (pressed(viewer, event)) event.preventDefault();
  });
  for (const name of ["keyup", "keypress"]) on(root, name, (event) => event.stopPropagation());
}

// Whether a key means something here.
function pressed(viewer, event) {
  const { key } = event;
  if (event.altKey) {
    const digit = /^Digit([1-5])$/.exec(event.code);
    if (!digit || event.ctrlKey) return false;
    viewer.preset(Number(digit[1]) - 1);
    return true;
  }
  if (event.ctrlKey || event.metaKey) return false;
  if (event.shiftKey && key.startsWith("Arrow")) {
    const [x, y] = { ArrowLeft: [-40, 0], ArrowRight: [40, 0], ArrowUp: [0, -40], ArrowDown: [0, 40] }[key];
    viewer.move(x, y);
    return true;
  }
  const acts = {
    ArrowUp: () => viewer.step(-1),
    ArrowDown: () => viewer.step(1),
    PageUp: () => viewer.step(-10),
    PageDown: () => viewer.step(10),
    Home: () => viewer.go(0),
    End: () => viewer.go(viewer.count - 1),
    ArrowLeft: () => viewer.neighbour(-1),
    ArrowRight: () => viewer.neighbour(1),
    " ": () => viewer.play(!viewer.playing),
    v: () => viewer.turn(viewer.plane + 1),
    i: () => viewer.invert(),
    h: () => viewer.text(),
    f: () => viewer.large(),
    "?": () => viewer.help(),
    "+": () => viewer.enlarge(1.25),
    "=": () => viewer.enlarge(1.25),
    "-": () => viewer.enlarge(0.8),
    0: () => viewer.fit(),
    Escape: () => viewer.escape(),
  };
  const act = acts[key.length === 1 ? key.toLowerCase() : key];
  if (!act) return false;
  act();
  return true;
}

function pinch(pointers) {
  const [a, b] = [...pointers.values()];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, gap: Math.hypot(a.x - b.x, a.y - b.y) };
}
