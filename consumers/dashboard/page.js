// The words and figures of the page; the plots are Bokeh's. Reads and writes the model "view" (see view.py).
// All that came from a topic is set as text, never as HTML.
(() => {
  "use strict";
  const setup = JSON.parse(document.getElementById("setup").textContent);
  const $ = (id) => document.getElementById(id);
  const short = { orderflow_imbalance: "imbalance", delta_volume: "delta", bid_ask_spread_pct: "spread %",
    order_book_depth_ratio: "depth ratio", large_order_presence: "large", mid_price: "mid price" };
  const signed = new Set(["orderflow_imbalance", "delta_volume"]);
  const states = { live: "the book is right", thin: "right as far as it goes, deeper levels may be missing",
    one_sided: "a side of the book is empty", empty: "both sides of the book are empty",
    crossed: "the best bid is not below the best ask: the book can't be right",
    resyncing: "update ids broke: the book waits for a snapshot" };
  let view = null;
  let lastTick = performance.now();

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const number = (value, digits = 7) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && size < 1e-4) return value.toExponential(1);
    const fraction = size >= 1 ? Math.max(0, digits - 1 - Math.floor(Math.log10(size))) : Math.min(6, digits);
    return value.toLocaleString("en", { maximumFractionDigits: Math.min(8, fraction) });
  };
  const clock = (ms) => new Date(ms).toISOString().slice(11, 19);
  const seconds = (value) => value < 10 ? value.toFixed(1) + " s" : value < 120 ? value.toFixed(0) + " s"
    : value < 7200 ? (value / 60).toFixed(0) + " min" : value < 172800 ? (value / 3600).toFixed(0) + " h" : (value / 86400).toFixed(0) + " d";

  function table() {
    const head = document.querySelector("#instruments thead tr");
    if (!head.children.length) {
      for (const name of ["instrument", ...setup.columns.map((n) => short[n] ?? n), "rec/s", "age", "gaps"])
        head.append(make("th", name, { scope: "col" }));
    }
    const body = document.querySelector("#instruments tbody");
    const known = new Map([...body.children].map((row) => [row.dataset.name, row]));
    const rows = view.table.map((told) => {
      const row = known.get(told[0]) ?? newRow(told[0], told.length);
      row.setAttribute("aria-selected", String(told[0] === view.instrument));
      row.querySelector("input").checked = told[0] === view.instrument || view.compared.includes(told[0]);
      setup.columns.forEach((name, at) => cell(row.children[at + 1], name, told[at + 1]));
      const [rate, age, gaps] = told.slice(1 + setup.columns.length);
      const rest = [...row.children].slice(1 + setup.columns.length);
      setText(rest[0], rate.toFixed(1));
      setText(rest[1], seconds(age));
      rest[1].className = age > 5 ? "warn" : "faint";
      setText(rest[2], number(gaps));
      rest[2].className = gaps ? "warn" : "faint";
      return row;
    });
    if (rows.length !== body.children.length || rows.some((row, at) => row !== body.children[at])) body.replaceChildren(...rows);
  }
  function newRow(name, cells) {
    const row = make("tr", null, { "data-name": name });
    const first = make("td");
    const box = make("input", null, { type: "checkbox", title: "show in the history" });
    box.addEventListener("click", (event) => {
      event.stopPropagation();
      const others = view.compared.filter((other) => other !== name);
      view.compared = box.checked ? [...others, name] : others;
    });
    const button = make("button", null, { type: "button" });
    const colon = name.indexOf(":") + 1;
    button.append(make("span", name.slice(0, colon)), name.slice(colon)); // a phone has a line for each
    first.append(box, button);
    row.append(first);
    for (let at = 1; at < cells; at++) row.append(make("td"));
    row.addEventListener("click", () => { view.instrument = name; });
    return row;
  }
  function cell(element, name, value) {
    if (name === "state") {
      if (!element.firstChild) element.append(make("span", "", { class: "pill" }));
      setText(element.firstChild, String(value).replace("_", " "));
      element.firstChild.dataset.state = value;
      element.firstChild.title = states[value] ?? "";
      return;
    }
    const fixed = { orderflow_imbalance: 3, order_book_depth_ratio: 3, large_order_presence: 1 }[name];
    const text = value === null || value === undefined ? "–" : fixed === undefined ? number(value, name === "mid_price" ? 9 : 5) : value.toFixed(fixed);
    setText(element, signed.has(name) && value > 0 ? "+" + text : text);
    element.className = signed.has(name) ? (value > 0 ? "up" : value < 0 ? "down" : "faint") : "";
  }

  function ladder() {
    const told = view.ladder;
    const body = document.querySelector("#ladder tbody");
    const asks = [...(told.asks ?? [])].reverse();
    const bids = told.bids ?? [];
    const most = Math.max(1e-12, ...asks.map((level) => level[1]), ...bids.map((level) => level[1]));
    const digits = Math.max(0, ...[...asks, ...bids].map((level) => (String(level[0]).split(".")[1] ?? "").length));
    const priceText = (price) => price.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    const line = (side) => ([price, quantity, large]) => {
      const row = make("tr", null, { "data-side": side, "data-large": String(large) });
      const bar = make("i");
      bar.style.width = (100 * quantity / most).toFixed(1) + "%";
      const amount = make("td");
      amount.append(bar, make("b", number(quantity, 5)));
      row.append(make("td", priceText(price)), amount);
      return row;
    };
    const middle = make("tr", null, { class: "gap" });
    const spread = asks.length && bids.length ? "spread " + number(asks[asks.length - 1][0] - bids[0][0], 4) : "no two sides";
    middle.append(make("td", spread, { colspan: 2 }));
    body.replaceChildren(...asks.map(line("ask")), middle, ...bids.map(line("bid")));
    setText($("book-name"), view.instrument);
    const waiting = !asks.length && !bids.length;
    $("no-book").hidden = !waiting;
    if (waiting) setText($("no-book"), !view.instrument ? "waiting for records ..." :
      "no book of " + view.instrument + " is known: there is no raw message of it here yet, or its differences wait for a snapshot");
  }

  function events() {
    const told = view.events;
    const lines = (told.lines ?? []).map(([time, kind, who, text, count]) => {
      const line = make("li");
      line.append(make("time", clock(time)), make("span", kind, { class: "pill", "data-state": kind }),
        make("span", who, { class: "who" }), make("span", text + (count > 1 ? "  × " + count : ""), { class: "what" }));
      return line;
    });
    if (!lines.length) lines.push(make("li", "none so far: no fault, no gap, no change of state", { class: "faint" }));
    $("events").replaceChildren(...lines);
    const faults = Object.entries(told.faults ?? {});
    const total = faults.reduce((sum, [, count]) => sum + count, 0);
    setText($("totals"), `faults ${number(total)}${total ? " (" + faults.map(([reason, count]) => reason + " " + number(count)).join(", ") + ")" : ""}`
      + ` · gaps ${number(told.gaps ?? 0)} · records missing ${number(told.missing ?? 0)}`);
  }

  function health() {
    const told = view.health;
    const ms = (value) => value === null || value === undefined ? "–" : number(value, 3);
    const cards = [["records", number(told.records_per_s, 3), "/s"], ["raw messages", number(told.raw_per_s, 3), "/s"],
      ["latency p50", ms(told.latency_p50_ms), "ms"], ["latency p99", ms(told.latency_p99_ms), "ms"],
      ["lag", told.lag === null ? "–" : number(told.lag), "raw messages"], ["records seen", number(told.records), ""]];
    if ($("health").children.length !== cards.length)
      $("health").replaceChildren(...cards.map(([name]) => { const card = make("div"); card.append(make("dt", name), make("dd")); return card; }));
    cards.forEach(([, value, unit], at) => {
      const shown = $("health").children[at].lastChild;
      if (shown.dataset.value !== value) { shown.dataset.value = value; shown.replaceChildren(value, make("small", unit)); }
    });
    const notes = [...(told.error ? [[told.error, "bad"]] : []), ...(told.notes ?? []).map((note) => [note, "wait"])];
    const list = notes.map(([text, kind]) => make("li", text, { "data-kind": kind }));
    if ($("notes").textContent !== notes.map(([text]) => text).join("")) $("notes").replaceChildren(...list);
    status();
  }
  function status() {
    const told = view ? view.health : {};
    const say = (text, kind) => { setText($("status"), text); $("status").dataset.kind = kind; };
    if (!view) say("connecting ...", "wait");
    else if (performance.now() - lastTick > 8 * setup.tick_ms) say("the dashboard's server does not answer; start it again, then reload", "bad");
    else if (told.error) say("reading has ended", "bad");
    else if (told.away) say("no broker answers, trying on: " + told.away, "bad");
    else if (view.paused) say("paused", "wait");
    else if (!told.caught_up) say(`reading what is there: ${Math.round(100 * (told.share_read ?? 0))} %`, "wait");
    else if (!view.table.length) say("waiting for records", "wait");
    else say("live", "ok");
  }

  function lines() {
    const entries = view.lines.map((name, at) => {
      const entry = make("span");
      const swatch = make("i");
      swatch.style.background = setup.colours[at % setup.colours.length];
      entry.append(swatch, name);
      return entry;
    });
    $("legend").replaceChildren(...entries.flatMap((entry) => [entry, " "]));
  }

  function controls() {
    for (const window of setup.windows) $("window").append(make("option", window < 120 ? window + " s" : window / 60 + " min", { value: window }));
    $("window").value = String(view.window_s);
    $("window").addEventListener("change", (event) => { view.window_s = Number(event.target.value); });
    $("large").value = String(view.large_share);
    $("large").addEventListener("change", (event) => { view.large_share = Number(event.target.value); });
    const pause = (on) => {
      view.paused = on;
      $("pause").setAttribute("aria-pressed", String(on));
      setText($("pause"), on ? "Go on" : "Pause");
      status();
    };
    $("pause").addEventListener("click", () => pause(!view.paused));
    document.querySelectorAll("select.metric").forEach((select) => {
      const at = Number(select.dataset.at);
      for (const name of setup.metrics) select.append(make("option", name, { value: name }));
      select.value = view.metrics[at];
      select.addEventListener("change", () => { view.metrics = view.metrics.map((name, other) => other === at ? select.value : name); });
    });
    // A mouse draws the box to zoom into; on a touch screen a finger scrolls the page, and the tools are always there.
    const touch = matchMedia("(pointer: coarse)").matches;
    for (const plot of view.document.roots()) {
      plot.toolbar.autohide = !touch;
      for (const tool of plot.toolbar.tools) if (tool.type === "BoxZoomTool") tool.active = !touch;
    }
    document.addEventListener("visibilitychange", () => { view.hidden = document.hidden; });
  }
  function theme() {
    const dark = $("page").dataset.theme === "dark";
    setText($("theme"), dark ? "Light" : "Dark");
    $("theme").addEventListener("click", () => {
      const url = new URL(location.href);
      url.searchParams.set("theme", dark ? "light" : "dark");
      if (view && view.instrument) url.searchParams.set("instrument", view.instrument);
      localStorage.setItem("obi-theme", dark ? "light" : "dark");
      location.assign(url);
    });
  }

  function begin(model) {
    view = model;
    controls();
    const when = (name, draw) => { view.connect(view.properties[name].change, draw); draw(); };
    when("table", table);
    when("ladder", ladder);
    when("events", events);
    when("health", health);
    when("lines", lines);
    view.connect(view.properties.instrument.change, table);
    view.connect(view.properties.ticks.change, () => { lastTick = performance.now(); });
    setInterval(status, 1000);
  }
  theme();
  const waiting = setInterval(() => {
    const model = (window.Bokeh?.documents ?? []).map((doc) => doc.get_model_by_name("view")).find((found) => found);
    if (model) { clearInterval(waiting); begin(model); }
  }, 50);
})();
