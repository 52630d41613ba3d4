"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const listed = (id) => JSON.parse(byId(id)?.textContent || "[]");
  const number = new Intl.NumberFormat("en");
  const short = (address) => (address.length > 9 ? `${address.slice(0, 4)}…${address.slice(-4)}` : address);

  // Text only: nothing that comes from outside is ever read as markup.
  const make = (tag, attributes = {}, ...content) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...content);
    return element;
  };
  const outward = (url, ...content) => make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...content);

  // A list of which the first rows are shown, and more on demand
  const PAGE = 200;
  const longList = ({ entries, body, button, fits, found, noun, after }) => {
    let most = PAGE;
    let order = entries;
    const show = () => {
      const fitting = order.filter(fits);
      const shown = fitting.slice(0, most);
      body.replaceChildren(...shown.map((entry) => (entry.row ??= entry.make())));
      const left = fitting.length - shown.length;
      button.hidden = left === 0;
      button.textContent = `Show ${number.format(Math.min(left, 5 * PAGE))} more of ${number.format(left)}`;
      found.textContent = `${fitting.length === entries.length ? "" : `${number.format(fitting.length)} of `}${number.format(entries.length)} ${entries.length === 1 ? noun : `${noun}s`}`;
      after?.(new Set(fitting));
    };
    button.addEventListener("click", () => { most += 5 * PAGE; show(); });
    return {
      show: () => { most = PAGE; show(); },
      sort: (compare) => { order = [...entries].sort(compare); show(); },
    };
  };
  const words = (form) => new FormData(form).get("search").toLowerCase().split(/\s+/).filter(Boolean);

  // The leaderboard
  const board = byId("board");
  const parts = new Map([...document.querySelectorAll(".wallet")].map((part) => [part.dataset.wallet, part]));
  if (board) {
    const body = board.tBodies[0];
    const told = (text) => (text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text);
    const entries = [...body.rows].map((row) => ({
      row,
      wallet: row.dataset.wallet,
      tier: row.dataset.tier,
      sure: row.dataset.sure === "" ? null : Number(row.dataset.sure),
      search: row.dataset.search,
      values: [...row.cells].map((cell) => told(cell.dataset.v ?? "")),
    }));
    const tierWords = new Map([...document.querySelectorAll("#filters [name=tier]")].map((box) => [box.value, box.dataset.word]));
    for (const [wallet, rank, tier, sure, cells, hand] of listed("board-rest")) {
      entries.push({
        row: null, wallet, tier, sure, search: wallet.toLowerCase(),
        values: [rank, wallet, rank, ...cells.map(([, value]) => value)],
        make: () => make("tr", { "data-wallet": wallet },
          make("td", { class: "n rank-column" }, String(rank)),
          make("td", { class: "wallet-column" }, make("code", { title: wallet }, short(wallet)), " ", copier(wallet)),
          make("td", {}, make("span", { class: `chip tier-${tier.toLowerCase()}` }, tierWords.get(tier) ?? tier), " ", make("span", { class: "quiet" }, hand)),
          ...cells.map(([shown, , sign]) => make("td", { class: `n ${sign}` }, shown)),
          make("td")),
      });
    }
    const filters = byId("filters");
    let chosen = { tiers: new Set(), least: 0, words: [] };
    const list = longList({
      entries, body, button: byId("more"), found: byId("found"), noun: "wallet",
      fits: ({ tier, sure, search }) =>
        chosen.tiers.has(tier) && (chosen.least === 0 || (sure !== null && sure >= chosen.least)) && chosen.words.every((word) => search.includes(word)),
      after: (fitting) => { for (const entry of entries) if (parts.has(entry.wallet)) parts.get(entry.wallet).hidden = !fitting.has(entry); },
    });
    const filter = () => {
      const form = new FormData(filters);
      chosen = { tiers: new Set(form.getAll("tier")), least: Number(form.get("confidence")), words: words(filters) };
      byId("least").textContent = `${chosen.least} %`;
      list.show();
    };
    filters.addEventListener("input", filter);
    filters.addEventListener("submit", (event) => event.preventDefault());

    // Sorting: numbers from the largest down first, what is not known always last
    const heads = [...board.tHead.rows[0].cells];
    board.tHead.addEventListener("click", (event) => {
      const head = event.target.closest("button")?.closest("th");
      if (!head) return;
      const column = heads.indexOf(head);
      const was = head.getAttribute("aria-sort");
      const up = was === "none" ? column < 3 : was === "descending";
      for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      list.sort((one, other) => {
        const [a, b] = [one.values[column], other.values[column]];
        if (a === "" || b === "") return (a === "") - (b === "");
        return (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1);
      });
    });
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row && parts.has(row.dataset.wallet) && !event.target.closest("a, button") && !getSelection().toString()) location.hash = `w-${row.dataset.wallet}`;
    });
    filter();
  }

  // The excluded
  const excluded = byId("excluded");
  if (excluded) {
    const body = excluded.tBodies[0];
    const entries = [...body.rows].map((row) => ({
      row, kind: row.dataset.class,
      search: `${row.cells[0].firstChild.title} ${row.cells[6].textContent}`.toLowerCase(),
    }));
    for (const [wallet, kind, cells, sign, reasons] of listed("excluded-rest")) {
      entries.push({
        row: null, kind, search: `${wallet} ${reasons}`.toLowerCase(),
        make: () => make("tr", {},
          make("td", {}, make("code", { title: wallet }, short(wallet))),
          make("td", {}, make("span", { class: "chip" }, kind.replaceAll("_", " "))),
          ...cells.map((shown, place) => make("td", { class: `n ${place === 0 ? sign : ""}` }, shown)),
          make("td", { class: "words" }, make("bdi", {}, reasons))),
      });
    }
    const form = byId("excluded-filters");
    form.hidden = false;
    let chosen = { kind: "", words: [] };
    const list = longList({
      entries, body, button: byId("excluded-more"), found: byId("excluded-found"), noun: "wallet",
      fits: ({ kind, search }) => (!chosen.kind || kind === chosen.kind) && chosen.words.every((word) => search.includes(word)),
    });
    const filter = () => { chosen = { kind: new FormData(form).get("class"), words: words(form) }; list.show(); };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }

  // Copy buttons
  function copier(address) {
    return make("button", { type: "button", class: "copy", "data-copy": address }, "copy");
  }
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = make("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  };
  for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    await copy(button.dataset.copy);
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1200);
  });

  // A row opens its wallet's part; mints and transactions in it lead to where others show them
  const upgrade = (part) => {
    if (part.dataset.linked) return;
    part.dataset.linked = "yes";
    for (const mint of part.querySelectorAll(".mint")) {
      mint.replaceWith(outward(`https://dexscreener.com/solana/${encodeURIComponent(mint.title)}`, mint.cloneNode(true)));
    }
    for (const cell of part.querySelectorAll(".tx")) {
      if (cell.title) cell.replaceChildren(outward(`https://solscan.io/tx/${encodeURIComponent(cell.title)}`, cell.textContent));
    }
  };
  for (const part of parts.values()) part.addEventListener("toggle", () => { if (part.open) upgrade(part); });
  const follow = () => {
    const part = parts.get(location.hash.replace("#w-", ""));
    if (!part) return;
    part.hidden = false;
    part.open = true;
    part.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", follow);
  if (location.hash) follow();
})();
