// HLS playlists (RFC 8216bis), as far as the player needs them.

function attributes(text) {
  const found = {};
  for (const [, name, quoted, plain] of text.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g)) found[name] = quoted ?? plain;
  return found;
}

function linesOf(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  if (lines[0] !== "#EXTM3U") throw new Error("The playlist is none.");
  return lines;
}

const isVideo = (codec) => /^(avc[13]|hvc1|hev1|dvh[1e]|av01|vp09)/.test(codec);

/** The renditions of a film: rungs from the lowest to the highest, sound, subtitles, and which keys they need. */
export function multivariant(text, address) {
  const resolve = (uri) => new URL(uri, address).href;
  const film = { rungs: [], audio: [], subtitles: [], keyIDs: [], scheme: null };
  let stream = null;
  for (const line of linesOf(text)) {
    const [tag, rest] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)];
    if (tag === "#EXT-X-STREAM-INF") stream = attributes(rest);
    else if (tag === "#EXT-X-MEDIA") {
      const media = attributes(rest);
      const list = { AUDIO: film.audio, SUBTITLES: film.subtitles }[media.TYPE];
      if (!list || !media.URI) continue;
      list.push({
        address: resolve(media.URI), group: media["GROUP-ID"], name: media.NAME, language: media.LANGUAGE ?? "",
        isDefault: media.DEFAULT === "YES", isForced: media.FORCED === "YES",
        isCaption: (media.CHARACTERISTICS ?? "").includes("transcribes-spoken-dialog"),
      });
    } else if (tag === "#EXT-X-SESSION-KEY") {
      const key = attributes(rest);
      if (key.KEYFORMAT !== "org.w3.clearkey" || !key.KEYID) continue;
      film.keyIDs.push(key.KEYID.replace(/^0x/i, "").toLowerCase());
      film.scheme = key.METHOD === "SAMPLE-AES-CTR" ? "cenc" : "cbcs";
    } else if (!line.startsWith("#") && stream) {
      const codecs = (stream.CODECS ?? "").split(",").map((codec) => codec.trim()).filter(Boolean);
      const [width = 0, height = 0] = (stream.RESOLUTION ?? "").split("x").map(Number);
      film.rungs.push({
        address: resolve(line), bandwidth: Number(stream.BANDWIDTH), width, height, group: stream.AUDIO ?? null,
        codecs: codecs.filter(isVideo).join(","),
        audioCodecs: codecs.filter((codec) => !isVideo(codec) && codec !== "wvtt" && codec !== "stpp").join(","),
      });
      stream = null;
    }
  }
  film.rungs.sort((a, b) => a.bandwidth - b.bandwidth);
  return film;
}

/** The segments of one rendition, in order of time, which begins at 0. */
export function mediaPlaylist(text, address) {
  const resolve = (uri) => new URL(uri, address).href;
  const range = (given, follows) => {
    if (!given) return null;
    const [length, start = follows] = given.split("@").map(Number);
    return { start, end: start + length };
  };
  const segments = [];
  let [start, duration, bytes, map] = [0, 0, null, null];
  for (const line of linesOf(text)) {
    if (line.startsWith("#EXTINF:")) duration = parseFloat(line.slice(8));
    else if (line.startsWith("#EXT-X-BYTERANGE:")) bytes = range(line.slice(17), segments.at(-1)?.range?.end ?? 0);
    else if (line.startsWith("#EXT-X-MAP:")) {
      const { URI, BYTERANGE } = attributes(line.slice(11));
      map = { address: resolve(URI), range: range(BYTERANGE, 0) };
    } else if (!line.startsWith("#")) {
      segments.push({ address: resolve(line), range: bytes, start, duration, map });
      start += duration;
      bytes = null;
    }
  }
  return { segments, duration: start };
}

/** The cues of a WebVTT file. Times are the film's own: our segments map 0 to 0. */
export function cues(text) {
  const seconds = (time) => time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return text.replaceAll("\r", "").split(/\n\n+/).flatMap((block) => {
    const match = block.match(/^(?:(?!.*-->).*\n)?([\d:.]+)[ \t]+-->[ \t]+([\d:.]+)([^\n]*)\n([\s\S]+)$/);
    return match ? [{ start: seconds(match[1]), end: seconds(match[2]), settings: match[3].trim(), text: match[4].trim() }] : [];
  });
}
