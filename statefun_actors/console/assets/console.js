// Keeps the page current: waits for changes, then fetches the page again and puts its new content in place.
"use strict";

(() => {
  const live = document.getElementById("live");
  let events = null;
  let fetching = false;

  const busy = () => {
    const selection = document.getSelection();
    const focused = document.activeElement;
    const fields = document.querySelectorAll("main input, main textarea");
    return (
      (selection && !selection.isCollapsed) ||
      (focused && focused.matches("main input, main select, main textarea")) ||
      [...fields].some((field) => field.checked !== field.defaultChecked || field.value !== field.defaultValue)
    );
  };

  const refresh = async () => {
    if (fetching || busy()) return;
    fetching = true;
    try {
      const response = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (response.redirected) return location.reload();
      const found = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const part of ["main", "nav"]) {
        const there = document.querySelector(part);
        const fresh = found.querySelector(part);
        if (there && fresh && there.innerHTML !== fresh.innerHTML && !busy()) there.replaceWith(document.adoptNode(fresh));
      }
    } catch {
      // The server is away: the next event comes once it is back.
    } finally {
      fetching = false;
    }
  };

  const connected = (yes) => {
    live.hidden = false;
    live.textContent = yes ? "live" : "not connected";
    live.classList.toggle("on", yes);
  };

  // Each response ends after its event, and the browser connects again: only a second error in a row is a failure.
  const listen = () => {
    const main = document.querySelector("main");
    let answered = true;
    events = new EventSource("changes?since=" + encodeURIComponent(main.dataset.version || ""));
    connected(true);
    events.onopen = () => {
      answered = true;
      connected(true);
    };
    events.addEventListener("changed", refresh);
    events.onerror = () => {
      if (!answered || events.readyState === EventSource.CLOSED) connected(false);
      answered = false;
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    };
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      events.close();
    } else {
      refresh();
      listen();
    }
  });
  listen();
})();
