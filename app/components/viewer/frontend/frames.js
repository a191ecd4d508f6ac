// Frames of one stack: fetched once, kept while there is room, the neighbours of the present one ahead of time.

const KEPT_BYTES = 192 * 2 ** 20;
const AHEAD = 3;
const AT_ONCE = 4;

class FrameStore {
  // onFrame(index) is called when a frame has come, onProblem(index, {what, todo, status}) when it cannot.
  constructor({ url, count, onFrame, onProblem }) {
    Object.assign(this, { url, count, onFrame, onProblem });
    this.kept = new Map();
    this.bytes = 0;
    this.pending = new Map();
    this.refused = new Map();
    this.direction = 1;
  }

  get(index) {
    const frame = this.kept.get(index);
    if (frame) {
      this.kept.delete(index);
      this.kept.set(index, frame);
    }
    return frame;
  }

  // The frames to have: the present one, then its neighbours, those ahead first; requests for others are given up.
  want(index, { full = false } = {}) {
    const frame = this.kept.get(index);
    const missing = !frame || (full && frame.facts.step > 1);
    const near = [];
    for (let n = 1; n <= AHEAD; n++) near.push(index + n * this.direction);
    for (let n = 1; n <= AHEAD; n++) near.push(index - n * this.direction);
    for (const [other, request] of this.pending) {
      if (other !== index && !near.includes(other)) {
        request.abort();
        this.pending.delete(other);
      }
    }
    if (missing) this.fetch(index, full);
    clearTimeout(this.later);
    const ahead = () => {
      for (const other of near) {
        if (this.pending.size >= AT_ONCE) break;
        if (other >= 0 && other < this.count && !this.kept.has(other)) this.fetch(other, false);
      }
    };
    this.ahead = ahead;
    this.later = setTimeout(ahead, missing ? 80 : 0);
  }

  async fetch(index, full) {
    if (this.pending.has(index)) return;
    if (this.refused.has(index)) {
      this.onProblem(index, this.refused.get(index));
      return;
    }
    const request = new AbortController();
    this.pending.set(index, request);
    try {
      const answer = await fetch(`${this.url}${index}${full ? "?full=1" : ""}`, { signal: request.signal });
      if (!answer.ok) {
        const told = await answer.json().catch(() => ({ what: "This picture could not be fetched.", todo: "" }));
        throw Object.assign(new Error(told.what), { told: { ...told, status: answer.status } });
      }
      const frame = readFrame(JSON.parse(answer.headers.get("X-Frame")), await answer.arrayBuffer());
      if (this.pending.get(index) !== request) return;
      this.pending.delete(index);
      this.keep(index, frame);
      this.onFrame(index);
    } catch (problem) {
      if (this.pending.get(index) === request) this.pending.delete(index);
      if (problem.name === "AbortError") return;
      const offline = { what: "The app does not answer.", todo: "Check that it is still running; then reload the page.", status: 0 };
      const told = problem.told || offline;
      if (told.status === 404) this.refused.set(index, told);
      this.onProblem(index, told);
      return;
    }
    if (this.ahead) this.ahead();
  }

  keep(index, frame) {
    const before = this.kept.get(index);
    if (before) this.bytes -= before.bytes;
    this.kept.delete(index);
    this.kept.set(index, frame);
    this.bytes += frame.bytes;
    for (const [other, old] of this.kept) {
      if (this.bytes <= KEPT_BYTES || other === index) break;
      this.kept.delete(other);
      this.bytes -= old.bytes;
    }
  }

  // Give up what is on the way; what has come is kept.
  rest() {
    clearTimeout(this.later);
    this.ahead = null;
    for (const request of this.pending.values()) request.abort();
    this.pending.clear();
  }

  close() {
    this.rest();
    this.kept.clear();
    this.bytes = 0;
  }
}

// The facts, the numbers (16-bit as unsigned, or RGB bytes) and the file's tone curve, if it brought one.
function readFrame(facts, buffer) {
  const pixels = facts.rows * facts.columns;
  const size = facts.kind === "rgb" ? 3 * pixels : 2 * pixels;
  const numbers = facts.kind === "rgb" ? new Uint8Array(buffer, 0, size) : new Uint16Array(buffer, 0, pixels);
  const tone = facts.tone ? new Uint8Array(buffer, size, 65536) : null;
  return { facts, numbers, tone, bytes: buffer.byteLength };
}

// The number at a place as the value it stands for: null outside the picture.
function valueAt(frame, row, column) {
  const { facts, numbers } = frame;
  const place = row * facts.columns + column;
  if (facts.kind === "rgb") return [0, 1, 2].map((part) => numbers[3 * place + part]);
  const number = facts.kind === "int16" ? (numbers[place] << 16) >> 16 : numbers[place];
  return number === facts.padding ? null : facts.slope * number + facts.intercept;
}
