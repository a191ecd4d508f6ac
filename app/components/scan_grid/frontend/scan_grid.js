// Tiles of thumbnails. Tiles that stay from one run to the next keep their pictures.

const grids = new WeakMap();

class Grid {
  constructor(list) {
    this.list = list;
    this.tiles = new Map();
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.choose(button.dataset.scan);
    });
    list.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["keyup", "keypress"]) list.addEventListener(name, (event) => event.stopPropagation());
  }

  update(data, ask) {
    this.ask = ask;
    const shown = new Set(data.tiles.map((tile) => tile.scan));
    for (const [scan, item] of this.tiles) {
      if (!shown.has(scan)) {
        item.remove();
        this.tiles.delete(scan);
      }
    }
    data.tiles.forEach((tile, place) => {
      let item = this.tiles.get(tile.scan);
      if (!item) {
        item = make(tile);
        this.tiles.set(tile.scan, item);
      }
      if (this.list.children[place] !== item) this.list.insertBefore(item, this.list.children[place] || null);
    });
    this.list.setAttribute("aria-label", data.name);
    this.mark(data.chosen);
  }

  mark(scan) {
    const before = this.chosen;
    this.chosen = scan;
    for (const [known, item] of this.tiles) {
      const button = item.querySelector("button");
      if (known === scan) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.tabIndex = known === scan || (!this.tiles.has(scan) && item === this.list.firstElementChild) ? 0 : -1;
      if (known === scan && before !== scan) item.scrollIntoView({ block: "nearest" });
    }
  }

  choose(scan) {
    this.mark(scan); // at once, before Python has answered
    this.ask("chosen", scan);
  }

  key(event) {
    event.stopPropagation();
    const items = [...this.list.children];
    const at = items.indexOf(event.target.closest("li"));
    if (at < 0) return;
    const across = Math.max(1, Math.round(this.list.clientWidth / items[0].offsetWidth - 0.3));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - across, ArrowDown: at + across, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = items[Math.min(items.length - 1, Math.max(0, to))].querySelector("button");
    for (const item of items) item.querySelector("button").tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

function make(tile) {
  const item = document.createElement("li");
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.dataset.scan = tile.scan;
  const picture = Object.assign(document.createElement("span"), { className: "picture" });
  const image = Object.assign(document.createElement("img"), { alt: "", loading: "lazy", decoding: "async", src: tile.url });
  image.addEventListener("error", () => {
    image.replaceWith(Object.assign(document.createElement("span"), { className: "failed", textContent: "cannot be shown" }));
  });
  picture.append(image);
  if (tile.count > 1) picture.append(Object.assign(document.createElement("span"), { className: "count", textContent: `${tile.count}` }));
  if (tile.mark) picture.append(Object.assign(document.createElement("span"), { className: "mark", textContent: tile.mark }));
  button.append(picture, Object.assign(document.createElement("span"), { className: "words", textContent: tile.caption }));
  const stack = tile.count > 1 ? `, ${tile.count} pictures` : "";
  button.setAttribute("aria-label", `${tile.caption}${stack}${tile.mark ? `, ${tile.mark}` : ""}`);
  item.append(button);
  return item;
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const list = parentElement.querySelector(".grid");
  let grid = grids.get(list);
  if (!grid) {
    grid = new Grid(list);
    grids.set(list, grid);
  }
  grid.update(data, setTriggerValue);
}
