// Numbers to greys: a table of 65,536 entries, made anew for every window, then one look-up per pixel.

class Greys {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.table = new Uint32Array(65536);
    this.known = "";
  }

  // A canvas with the frame's pixels. `window` is {centre, width, exact}, or null for the file's own tone curve.
  paint(frame, window, inverted) {
    const { facts, numbers } = frame;
    const { canvas } = this;
    const drawn = `${window ? `${window.centre}/${window.width}/${window.exact}` : "tone"}/${inverted}`;
    if (this.frame === frame && this.drawn === drawn) return canvas;
    if (canvas.width !== facts.columns || canvas.height !== facts.rows || !this.image) {
      canvas.width = facts.columns;
      canvas.height = facts.rows;
      this.context = canvas.getContext("2d", { alpha: false });
      this.image = this.context.createImageData(facts.columns, facts.rows);
    }
    const out = new Uint32Array(this.image.data.buffer);
    if (facts.kind === "rgb") {
      const flip = inverted ? 0xffffff : 0;
      for (let i = 0, j = 0; i < out.length; i++, j += 3) {
        out[i] = 0xff000000 | ((numbers[j] | (numbers[j + 1] << 8) | (numbers[j + 2] << 16)) ^ flip);
      }
    } else {
      this.fill(frame, window, inverted, drawn);
      const { table } = this;
      for (let i = 0; i < out.length; i++) out[i] = table[numbers[i]];
    }
    this.context.putImageData(this.image, 0, 0);
    this.frame = frame;
    this.drawn = drawn;
    return canvas;
  }

  fill(frame, window, inverted, drawn) {
    const { facts, tone } = frame;
    const signed = facts.kind === "int16";
    const known = `${drawn}/${facts.slope}/${facts.intercept}/${facts.padding}/${signed}`;
    if (window && known === this.known) return;
    this.known = window ? known : "";
    // DICOM PS3.3 C.11.2.1.2.1 (LINEAR) and C.11.2.1.3.2 (LINEAR_EXACT)
    const exact = !window || window.exact || window.width <= 1;
    const low = window ? (exact ? window.centre - window.width / 2 : window.centre - 0.5 - (window.width - 1) / 2) : 0;
    const gain = window ? 255 / Math.max(exact ? window.width : window.width - 1, 1e-12) : 0;
    for (let i = 0; i < 65536; i++) {
      const number = signed && i > 32767 ? i - 65536 : i;
      let grey = window
        ? Math.round(Math.min(255, Math.max(0, (facts.slope * number + facts.intercept - low) * gain)))
        : tone[signed ? number + 32768 : number];
      if (inverted) grey = 255 - grey;
      if (number === facts.padding) grey = 0;
      this.table[i] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
  }
}
