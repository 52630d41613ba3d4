"use strict";
(() => {
  const board = document.getElementById("board");
  if (!board) return;
  const body = board.tBodies[0];
  const rows = [...body.rows];

  // Filters
  const filters = document.getElementById("filters");
  const parts = new Map([...document.querySelectorAll(".wallet")].map((part) => [part.dataset.wallet, part]));
  const filter = () => {
    const chosen = new FormData(filters);
    const tiers = new Set(chosen.getAll("tier"));
    const least = Number(chosen.get("confidence"));
    const words = chosen.get("search").toLowerCase().split(/\s+/).filter(Boolean);
    document.getElementById("least").textContent = `${least} %`;
    let found = 0;
    for (const row of rows) {
      const { tier, sure, search, wallet } = row.dataset;
      const fits = tiers.has(tier) && (least === 0 || (sure !== "" && Number(sure) >= least)) && words.every((word) => search.includes(word));
      row.hidden = parts.get(wallet).hidden = !fits;
      found += fits;
    }
    document.getElementById("found").textContent = `${found === rows.length ? "" : `${found} of `}${rows.length} ${rows.length === 1 ? "wallet" : "wallets"}`;
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
