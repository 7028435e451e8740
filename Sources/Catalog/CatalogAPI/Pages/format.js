// Words for numbers, the same everywhere on the page.

/** A length as people say it: "1 h 04 m", "12 m", "48 s". */
export function length(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} m`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}

/** A place in a film: "0:48", "1:04:09". */
export function position(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** A place in a film for a screen reader: "1 minute 4 seconds". */
export function spoken(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [[Math.floor(whole / 3600), "hour"], [Math.floor(whole / 60) % 60, "minute"], [whole % 60, "second"]];
  const words = parts.filter(([n]) => n).map(([n, unit]) => `${n} ${unit}${n === 1 ? "" : "s"}`);
  return words.join(" ") || "0 seconds";
}

/** "30000/1001" as "29.97". */
export function frameRate(fraction) {
  const [over, under = 1] = fraction.split("/").map(Number);
  return String(Math.round((over / under) * 100) / 100);
}

/** Bits a second as "4.2 Mbit/s". */
export function bitRate(bits) {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}

const languages = new Intl.DisplayNames(["en"], { type: "language" });

/** "de" as "German". */
export function language(tag) {
  try { return languages.of(tag) ?? tag; } catch { return tag; }
}

export const kinds = {
  movie: "Movies", series: "Series", docuseries: "Docuseries", season: "Seasons", episode: "Episodes", short: "Shorts",
};

/** The short facts under a title's name. */
export function facts(title) {
  const place = [
    title.series, title.season != null && `Season ${title.season}`, title.episode != null && `Episode ${title.episode}`,
  ];
  return [...place, title.year, title.rating, length(title.duration_seconds)].filter(Boolean).map(String);
}
