// One title: the player, and what there is to know.

import { announce, ask, element, local, trouble } from "./catalogue.js";
import { bitRate, facts, frameRate, language } from "./format.js";
import { player } from "./player.js";
import { forget, recordPlays, remember, token } from "./viewer.js";

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

/** The address of the smallest poster that has so many samples across, or of the largest. */
function posterFor(title, samples) {
  return (title.posters.find(({ width }) => width >= samples) ?? title.posters.at(-1))?.url ?? title.poster;
}

/** How a title is played, for whoever watches; a token that does not hold any more is forgotten. */
async function askPlayback(path, signal) {
  const bearer = token();
  try { return await ask(`${path}/playback`, signal, bearer); } catch (error) {
    if (!bearer || error.status !== 401) throw error;
    forget();
    return ask(`${path}/playback`, signal);
  }
}

/** In the player's place, where a film is for those only who say who they are. */
function signIn(title, onToken) {
  const field = element("input", { type: "password", id: "token", name: "token", autocomplete: "off", required: true, "aria-describedby": "token-help" });
  return element("section", { class: "player sign-in", "data-state": "locked", "aria-label": `Player for ${title}` },
    element("form", { class: "trouble", onsubmit: (event) => { event.preventDefault(); onToken(field.value.trim()); } },
      element("p", { id: "token-help" }, "This film is protected. Your access token unlocks it."),
      element("label", { for: "token" }, "Access token"), field,
      element("button", { class: "button" }, "Unlock")));
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
    [title, playback] = await Promise.all([ask(path, signal), askPlayback(path, signal)]);
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
  const isLocked = playback.protected && playback.licence && !playback.playback_token;
  const density = Math.min(2, window.devicePixelRatio || 1);
  const screen = isLocked ? signIn(title.title, (bearer) => { remember(bearer); showTitle(main, id, signal); }) : player({
    name: title.title, id: title.id, source: local(playback.hls), poster: local(posterFor(title, main.clientWidth * density)),
    licence: playback.protected ? {
      address: playback.licence && local(playback.licence), token: playback.playback_token,
      renew: async () => (await ask(`/v1/titles/${encodeURIComponent(id)}/playback`, signal, token())).playback_token,
    } : null,
    ...(density > 1 && title.dense_thumbnails
      ? { thumbnails: local(title.dense_thumbnails), thumbnailDensity: 2 } : { thumbnails: local(title.thumbnails), thumbnailDensity: 1 }),
    duration: title.duration_seconds, onResolution, signal,
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
            " mute, ", element("kbd", {}, "c"), " subtitles, ", element("kbd", {}, "f"), " full screen"))))));
  announce(title.title);
}
