// One title: the player, and what there is to know.

import { announce, ask, element, local, trouble } from "./catalogue.js";
import { bitRate, facts, frameRate, language } from "./format.js";
import { player } from "./player.js";
import { recordPlays } from "./viewer.js";

function renditionTable(renditions) {
  const rows = renditions.filter(({ kind }) => kind === "video").sort((a, b) => b.height - a.height);
  if (!rows.length) return null;
  const body = rows.map((rendition) => element("tr", { "data-height": rendition.height },
    element("td", {}, `${rendition.width} × ${rendition.height}`),
    element("td", {}, rendition.frame_rate ? `${frameRate(rendition.frame_rate)} fps` : ""),
    element("td", {}, rendition.bandwidth ? bitRate(rendition.average_bandwidth ?? rendition.bandwidth) : "")));
  return element("section", {},
    element("h2", { id: "resolutions" }, "Resolutions"),
    element("table", { class: "renditions", "aria-labelledby": "resolutions" },
      element("thead", {}, element("tr", {},
        ...["Size", "Frame rate", "Bit rate"].map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...body)));
}

function credits(cast) {
  if (!cast.length) return null;
  return element("section", {},
    element("h2", {}, "Cast"),
    element("ul", { class: "cast" }, ...cast.map(({ name, role }) => element("li", {}, name,
      role && element("span", { class: "role" }, ` · ${role}`)))));
}

function chips(heading, items) {
  return items.length ? element("section", {}, element("h2", {}, heading), element("p", { class: "chips" }, ...items)) : null;
}

/** Shows the title of an id, or why it cannot be shown. */
export async function showTitle(main, id, signal) {
  document.title = "Showrunner";
  const waiting = element("div", { class: "title-page skeleton", "aria-busy": "true" },
    element("div", { class: "poster" }), element("div", { class: "line" }), element("div", { class: "line" }));
  main.replaceChildren(waiting);
  let title, playback;
  try {
    const path = `/v1/titles/${encodeURIComponent(id)}`;
    [title, playback] = await Promise.all([ask(path, signal), ask(`${path}/playback`, signal)]);
  } catch (error) {
    if (signal.aborted) return;
    const isMissing = error.status === 404;
    const notice = trouble(isMissing ? "There is no such title" : "The title could not be loaded", error,
      () => showTitle(main, id, signal), "h1");
    if (isMissing) notice.querySelector("button").replaceWith(element("a", { class: "button", href: "#/" }, "Show all titles"));
    main.replaceChildren(notice);
    return;
  }

  const table = renditionTable(playback.renditions);
  const onResolution = (height) => {
    for (const row of table?.querySelectorAll("tbody tr") ?? []) {
      row.toggleAttribute("data-shown", Number(row.dataset.height) === height);
    }
  };
  document.title = `${title.title} · Showrunner`;
  const genres = title.genres.map(({ slug, name }) => element("a", { href: `#/?genre=${encodeURIComponent(slug)}` }, name));
  const tongues = title.languages.map((tag) => element("span", {}, language(tag)));
  const screen = player({
    name: title.title, id: title.id, source: local(playback.hls), poster: local(title.poster),
    thumbnails: local(title.thumbnails), duration: title.duration_seconds, onResolution, signal,
  });
  const video = screen.querySelector("video");
  if (video) recordPlays(video, title, signal);
  main.replaceChildren(element("article", { class: "title-page" },
    screen,
    element("div", { class: "head" },
      element("h1", { tabindex: "-1" }, title.title),
      element("p", { class: "facts" }, ...facts(title).map((fact) => element("span", {}, fact)))),
    element("div", { class: "columns" },
      element("div", {},
        title.description && element("section", {}, element("p", { class: "lead" }, title.description)),
        chips("Genres", genres), chips("Languages", tongues), credits(title.cast)),
      element("div", {}, table,
        element("section", { class: "keys" },
          element("h2", {}, "Keys"),
          element("p", {}, element("kbd", {}, "space"), " play or pause, ", element("kbd", {}, "←"), " ", element("kbd", {}, "→"),
            " 10 seconds, ", element("kbd", {}, "↑"), " ", element("kbd", {}, "↓"), " volume, ", element("kbd", {}, "m"),
            " mute, ", element("kbd", {}, "f"), " full screen"))))));
  announce(title.title);
}
