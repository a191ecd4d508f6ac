// Frame and window of a case, kept in this tab so that a reload goes on where it was.

function keepView(id, index, windowing) {
  const { name, manual, inverted } = windowing;
  try {
    sessionStorage.setItem(`viewer:${id}`, JSON.stringify({ index, name, manual, inverted }));
  } catch {
    // a full or forbidden store is no loss worth a word
  }
}

// Sets the window as it was; returns the frame, or null where nothing was kept.
function keptView(id, windowing) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(`viewer:${id}`) || "null");
    if (!kept) return null;
    Object.assign(windowing, { name: kept.name, manual: kept.manual, inverted: kept.inverted });
    return kept.index;
  } catch {
    return null;
  }
}
