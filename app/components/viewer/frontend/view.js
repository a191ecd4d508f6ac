// Where the picture lies on the stage: fitted, then enlarged and moved.

const NEAREST = 0.2;
const FARTHEST = 40;

class View {
  constructor() {
    this.fit();
    this.resize(1, 1);
  }

  fit() {
    this.zoom = 1;
    this.x = 0; // the picture's point in the middle of the stage, as a share of its width from its own middle
    this.y = 0;
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
  }

  // The picture's size in pixels of equal height and width.
  hold(facts) {
    this.across = facts.width;
    this.down = facts.height * facts.aspect;
    this.facts = facts;
  }

  // Stage pixels per pixel of the file, horizontally.
  get scale() {
    return this.zoom * Math.min(this.width / this.across, this.height / this.down);
  }

  // Left, top, width and height of the picture on the stage.
  get place() {
    const { scale } = this;
    const width = this.across * scale;
    const height = this.down * scale;
    return { left: this.width / 2 - (this.x + 0.5) * width, top: this.height / 2 - (this.y + 0.5) * height, width, height };
  }

  move(dx, dy) {
    const { width, height } = this.place;
    this.x = Math.min(0.5, Math.max(-0.5, this.x - dx / width));
    this.y = Math.min(0.5, Math.max(-0.5, this.y - dy / height));
  }

  // Enlarge by a factor; the point at (x, y) of the stage stays where it is.
  enlarge(factor, x = this.width / 2, y = this.height / 2) {
    const before = this.place;
    const zoom = Math.min(FARTHEST, Math.max(NEAREST, this.zoom * factor));
    const ratio = zoom / this.zoom;
    this.zoom = zoom;
    const after = this.place;
    const left = x - (x - before.left) * ratio;
    const top = y - (y - before.top) * ratio;
    this.move(left - after.left, top - after.top);
  }

  // Row and column of the file's pixel under a point of the stage, or null beside the picture.
  at(x, y) {
    const { left, top, width, height } = this.place;
    const column = Math.floor(((x - left) / width) * this.facts.width);
    const row = Math.floor(((y - top) / height) * this.facts.height);
    const inside = column >= 0 && row >= 0 && column < this.facts.width && row < this.facts.height;
    return inside ? { row, column } : null;
  }
}
