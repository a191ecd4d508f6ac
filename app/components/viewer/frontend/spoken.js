// The picture in words, for those who hear it: the frame, the window, the sides; and the list of keys.

class Spoken {
  constructor(root) {
    this.stage = root.querySelector(".stage");
    this.told = root.querySelector("#told");
    this.spoken = root.querySelector(".spoken");
    root.querySelector(".keys").append(keyList());
  }

  say(words) {
    this.spoken.textContent = words;
  }

  // The label follows at once; the description waits until scrolling has come to rest.
  frame(index, count, description) {
    const words = count > 1 ? `Image viewer, frame ${index + 1} of ${count}` : "Image viewer, one frame";
    this.stage.setAttribute("aria-label", words);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => (this.told.textContent = description(words)), 500);
  }
}

function described(facts, windowing) {
  const { left, right } = facts.sides;
  return (
    `${facts.width} by ${facts.height} pixels. ${windowing.words(facts)}. Left of the picture: ${left || "not stated"}; ` +
    `right: ${right || "not stated"}. Screen not calibrated for diagnosis.`
  );
}

function keyList() {
  const list = document.createElement("dl");
  for (const [keys, act] of KEYS) {
    list.append(
      Object.assign(document.createElement("dt"), { textContent: keys }),
      Object.assign(document.createElement("dd"), { textContent: act }),
    );
  }
  return list;
}
