"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const board = document.getElementById("board");
  if (!board) return;
  const body = board.tBodies[0];
  const rows = [...body.rows];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", notation: "compact", maximumFractionDigits: 1 });
  const exact = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
  const when = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

  // Charts are drawn as soon as their place has a width, and anew when that or the colours change.
  const drawings = new Map();
  const chart = (place, make) => {
    drawings.set(place, { make, width: 0 });
    widths.observe(place);
  };
  const widthOf = (place) => {
    const { paddingLeft, paddingRight } = getComputedStyle(place);
    return Math.floor(place.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight));
  };
  const fit = (places) => {
    // All widths first: to measure after each drawing would lay the page out anew each time.
    const measured = places.map((place) => [place, drawings.get(place), widthOf(place)]);
    for (const [place, drawing, width] of measured) if (width > 0 && width !== drawing.width) draw(place, width);
  };
  const draw = (place, width) => {
    const drawing = drawings.get(place);
    const { options, data } = drawing.make();
    drawing.plot?.destroy();
    drawing.width = width;
    drawing.plot = new uPlot({ width, ...options }, data, place);
  };
  const widths = new ResizeObserver((entries) => fit(entries.map(({ target }) => target)));

  const axis = (more) => ({ stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui", ...more });
  const hour = 3600, day = 24 * hour, year = 365 * day; // from a spacing on: what a tick reads, and where a new day or year begins
  const days = [
    [year, "{YYYY}", null, null, null, null, null, null, 1],
    [28 * day, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [day, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
    [hour, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
    [60, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  ];
  const axes = () => [
    axis({ grid: { show: false }, values: days, space: 70 }),
    axis({ values: (_, ticks) => ticks.map((tick) => dollars.format(tick)), size: 64 }),
  ];
  const stepped = uPlot.paths.stepped({ align: 1 });
  const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");
  const time = { label: "UTC", value: (_, seconds) => (seconds == null ? "–" : when(seconds)) };
  const inDollars = (_, amount) => (amount == null ? "–" : exact.format(amount));
  const faded = (name) => `color-mix(in srgb, ${colour(name)} 14%, transparent)`;

  const curve = (wallet) => () => ({
    data: charts.wallets[wallet].curve,
    options: {
      height: 220, tzDate: utc, axes: axes(),
      series: [time, { label: "realized PnL", value: inDollars, stroke: colour("--c1"), fill: faded("--c1"), width: 2, paths: stepped, points: { show: false } }],
    },
  });

  const spark = (wallet) => () => ({
    data: charts.wallets[wallet].curve,
    options: {
      height: 34, axes: [{ show: false }, { show: false }], legend: { show: false }, cursor: { show: false }, padding: [4, 0, 4, 0],
      series: [{}, { stroke: colour("--c1"), fill: faded("--c1"), width: 1.5, paths: stepped, points: { show: false } }],
    },
  });

  const holding = (wallet) => () => ({
    data: [charts.bands.map((_, band) => band), charts.wallets[wallet].holding],
    options: {
      height: 220,
      scales: { x: { time: false, range: [-0.6, charts.bands.length - 0.4] }, y: { range: [0, 100] } },
      axes: [
        axis({ grid: { show: false }, font: "11px system-ui", splits: () => charts.bands.map((_, band) => band), values: (_, bands) => bands.map((band) => charts.bands[band]) }),
        axis({ values: (_, ticks) => ticks.map((tick) => `${tick} %`), size: 52 }),
      ],
      series: [
        { label: "held", value: (_, band) => charts.bands[band] ?? "–" },
        { label: "of matched cost", value: (_, share) => (share == null ? "–" : `${share} %`), stroke: colour("--c1"), fill: faded("--c1"), width: 1.5, paths: uPlot.paths.bars({ size: [0.7, 60] }), points: { show: false } },
      ],
    },
  });

  const best = () => ({
    data: uPlot.join(charts.best.map(({ wallet }) => charts.wallets[wallet].curve)),
    options: {
      height: 280, tzDate: utc, axes: axes(),
      series: [time, ...charts.best.map(({ name }, place) => ({ label: name, value: inDollars, stroke: colour(`--c${place + 1}`), width: 2, spanGaps: true, paths: stepped, points: { show: false } }))],
    },
  });

  chart(document.getElementById("best"), best);
  for (const row of rows) chart(row.querySelector(".spark"), spark(row.dataset.wallet));
  for (const part of document.querySelectorAll(".wallet")) {
    chart(part.querySelector(".curve"), curve(part.dataset.wallet));
    chart(part.querySelector(".holding"), holding(part.dataset.wallet));
  }
  fit([...drawings.keys()]);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const [place, { plot, width }] of drawings) if (plot) draw(place, width);
  });

  // Filters
  const filters = document.getElementById("filters");
  const parts = new Map([...document.querySelectorAll(".wallet")].map((part) => [part.dataset.wallet, part]));
  const filter = () => {
    const chosen = new FormData(filters);
    const tiers = new Set(chosen.getAll("tier"));
    const least = Number(chosen.get("win_rate"));
    const words = chosen.get("search").toLowerCase().split(/\s+/).filter(Boolean);
    document.getElementById("least").textContent = `${least} %`;
    let found = 0;
    for (const row of rows) {
      const { tier, win, search, wallet } = row.dataset;
      const fits = tiers.has(tier) && (least === 0 || (win !== "" && Number(win) >= least)) && words.every((word) => search.includes(word));
      row.hidden = parts.get(wallet).hidden = !fits;
      found += fits;
    }
    document.getElementById("found").textContent = found === rows.length ? `${found} wallets` : `${found} of ${rows.length} wallets`;
  };
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filter();

  // Sorting: numbers from the largest down first, what is not known always last
  const heads = [...board.tHead.rows[0].cells];
  board.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("button")?.closest("th");
    if (!head) return;
    const column = heads.indexOf(head);
    const ranks = column < 3;
    const was = head.getAttribute("aria-sort");
    const up = was === "none" ? ranks : was === "descending";
    for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => {
      const text = row.cells[column].dataset.v;
      return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
    };
    rows.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1);
    });
    body.append(...rows);
  });

  // A row opens its wallet's part
  const open = (wallet) => {
    const part = parts.get(wallet);
    if (!part) return;
    part.open = true;
    part.scrollIntoView({ block: "start" });
  };
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !event.target.closest("a") && !getSelection().toString()) location.hash = `w-${row.dataset.wallet}`;
  });
  const follow = () => open(location.hash.replace("#w-", ""));
  addEventListener("hashchange", follow);
  if (location.hash) follow();
})();
