// A map over the picture, such as where a model looked: colours that grow opaque with the value, and an outline.

// The colour map cividis at nine places (Nunez et al. 2018), fit for colour-blind readers.
const CIVIDIS = [
  [0, 34, 78],
  [26, 56, 111],
  [67, 78, 108],
  [97, 101, 111],
  [125, 124, 120],
  [155, 148, 118],
  [188, 174, 108],
  [222, 201, 88],
  [254, 232, 56],
];
const EDGE = 128;

class Overlay {
  constructor(onReady) {
    this.onReady = onReady;
    this.opacity = 0.5;
    this.canvas = null;
    this.url = null;
  }

  // `told` is {url, frame, name}: the address of a grey picture, and the frame it belongs to (all where null).
  async load(told) {
    const url = told ? told.url : null;
    this.frame = told && told.frame !== undefined ? told.frame : null;
    if (url === this.url) return;
    this.url = url;
    this.canvas = null;
    if (!url) return;
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(String(answer.status));
      const bitmap = await createImageBitmap(await answer.blob());
      if (url !== this.url) return;
      this.canvas = coloured(bitmap);
    } catch {
      this.canvas = null;
    }
    this.onReady();
  }

  shownOn(index) {
    return this.canvas !== null && (this.frame === null || this.frame === index);
  }
}

function coloured(bitmap) {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = image;
  const values = new Uint8Array(canvas.width * canvas.height);
  for (let i = 0; i < values.length; i++) values[i] = data[4 * i];
  for (let i = 0; i < values.length; i++) {
    const column = i % canvas.width;
    const above = values[i] >= EDGE;
    const edge =
      above &&
      ((column > 0 && values[i - 1] < EDGE) ||
        (column < canvas.width - 1 && values[i + 1] < EDGE) ||
        (i >= canvas.width && values[i - canvas.width] < EDGE) ||
        (i + canvas.width < values.length && values[i + canvas.width] < EDGE));
    const at = (values[i] / 255) * (CIVIDIS.length - 1);
    const n = Math.min(CIVIDIS.length - 2, Math.floor(at));
    for (let part = 0; part < 3; part++) {
      data[4 * i + part] = edge ? 255 : CIVIDIS[n][part] + (at - n) * (CIVIDIS[n + 1][part] - CIVIDIS[n][part]);
    }
    data[4 * i + 3] = edge ? 255 : values[i];
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
