import Foundation
import JSON
import Testing

extension EndToEnd {
    /// The viewers' player in Chromium: clear films and protected ones, rung by rung.
    @Suite(.enabled(if: Browser.isInstalled, "chromium and chromedriver are not installed"))
    struct PlayerTests {
        private static let film = Film(name: "played", size: "854x480", frames: 240)

        private static let video = "document.querySelector('video')"
        private static let stream = "document.querySelector('.player').stream"
        private static let (arrowLeft, arrowRight) = ("\u{E012}", "\u{E014}")

        @Test("our player plays clear and protected films: both rungs forced, a jump, subtitles, and to the end")
        func plays() async throws {
            let stage = try sharedStage()
            let house = try await ProtectedHouse(stage, Self.film, isDubbed: true)
            let bearer = try await house.bearer("viewer", "main")
            try await Browser.use { browser in
                try await browser.open(stage.viewerURL + "/")
                for protection in ["none", "cbcs", "cenc"] {
                    let title = try await house.publish("Played \(protection)", protection: protection)
                    if protection == "cbcs" { try await unlock(browser, stage, title, bearer) }
                    try await play(browser, stage, title, protection)
                }
                #expect(try await browser.complaints() == [])
            }
        }

        /// Who has said nothing of himself sees a lock and no film; the token opens it.
        private func unlock(
            _ browser: Browser, _ stage: TestStage, _ title: ProtectedHouse.Title, _ bearer: String
        ) async throws {
            try await browser.open("\(stage.viewerURL)/#/titles/\(title.id)")
            try await browser.wait(until: "document.querySelector('.sign-in input')")
            #expect(try await browser.evaluate("return document.querySelector('video') === null") == true)
            try await browser.screenshot("player-locked")
            try await browser.type("no-such-token", into: ".sign-in input")
            try await browser.click(".sign-in button")
            try await browser.wait(until: "document.querySelector('.sign-in input')?.value === ''")
            _ = try await browser.complaints()  // The refusal of that token stands there.
            try await browser.type(bearer, into: ".sign-in input")
            try await browser.click(".sign-in button")
            try await browser.wait(until: Self.video)
        }

        private func play(
            _ browser: Browser, _ stage: TestStage, _ title: ProtectedHouse.Title, _ protection: String
        ) async throws {
            try await browser.open("\(stage.viewerURL)/?\(protection)#/titles/\(title.id)")
            try await browser.wait(until: "\(Self.video)?.readyState >= 2")
            _ = try await browser.evaluate(
                """
                const video = \(Self.video);
                window.seen = [];
                for (const name of ['playing', 'ended', 'error', 'encrypted', 'seeked']) video.addEventListener(name, () => seen.push(name));
                """)
            #expect(try await browser.evaluate("return \(Self.stream).film.rungs.length") == 2)
            // The highest rung.
            try await choose("Quality", "480p", browser)
            try await browser.wait(until: "\(Self.video).videoHeight === 480")
            try await browser.click("button.start")
            try await browser.wait(until: "window.seen.includes('playing') && \(Self.video).currentTime > 0.5")
            #expect(try await browser.evaluate("return !!\(Self.video).mediaKeys") == .bool(protection != "none"))
            try await choose("Subtitles", "English", browser)
            try await browser.wait(
                until:
                    "[...\(Self.video).textTracks].some(t => t.mode === 'showing' && t.activeCues?.[0]?.text === 'The first words')"
            )
            try await browser.screenshot("player-\(protection)")
            try await choose("Sound", "German", browser)
            // The lowest, from the next segment on.
            try await choose("Quality", "360p", browser)
            _ = try await browser.evaluate("\(Self.video).currentTime = 7.5")
            try await browser.wait(until: "window.seen.includes('seeked') && \(Self.video).currentTime >= 7.5")
            try await browser.wait(until: "\(Self.video).videoHeight === 360")
            try await browser.wait(
                until:
                    "[...\(Self.video).textTracks].some(t => t.mode === 'showing' && t.activeCues?.[0]?.text === 'The last words')"
            )
            try await browser.wait(until: "window.seen.includes('ended') || window.seen.includes('error')")
            let state = try await browser.evaluate(
                """
                const video = \(Self.video);
                return {seen: window.seen, at: video.currentTime, duration: video.duration, error: video.error?.message ?? '',
                  pictures: video.getVideoPlaybackQuality().totalVideoFrames, rungs: [...new Set(\(Self.stream).loaded)].sort(),
                  trouble: document.querySelector('.player .trouble')?.innerText ?? '',
                  sound: performance.getEntriesByType('resource').some(({ name }) => name.includes('/audio-de/'))};
                """)
            #expect(state["error"] == "" && state["trouble"] == "", "\(protection): \(state.text)")
            #expect(abs((state["at"]?.doubleValue ?? 0) - Self.film.seconds) < 0.1, "\(state.text)")
            #expect(abs((state["duration"]?.doubleValue ?? 0) - Self.film.seconds) < 0.1, "\(state.text)")
            #expect(state["rungs"] == [0, 1] && state["sound"] == true, "\(state.text)")
            #expect((state["pictures"]?.integerValue ?? 0) > 30, "\(state.text)")
            guard protection == "none" else { return }
            try await scrubs(browser)
            try await browser.look("light", width: 1280, density: 2)
            try await browser.open("\(stage.viewerURL)/?dense#/titles/\(title.id)")
            try await browser.wait(until: "\(Self.video)?.readyState >= 2")
            try await scrubs(browser, density: 2)
            try await browser.look("light", width: 1280)
        }

        /// Over each second of the seek bar stands the picture of that second: of all the film's pictures, one at each
        /// second, none is more like it. Where a point has two samples, the pictures have twice as many.
        private func scrubs(_ browser: Browser, density: Int = 1) async throws {
            let found = try await browser.evaluateAsync(
                """
                const video = \(Self.video), scrub = document.querySelector('.scrub input');
                const preview = document.querySelector('.preview'), picture = preview.firstElementChild;
                const [width, height, density] = [80, 45, \(density)];
                const canvas = Object.assign(document.createElement('canvas'), { width, height });
                const context = canvas.getContext('2d', { willReadFrequently: true });
                const pixels = () => context.getImageData(0, 0, width, height).data;
                const box = scrub.getBoundingClientRect();
                const tiles = [], pictures = [], words = [];
                for (let second = 0; second < 10; second++) {
                  const clientX = box.left + (box.width * (second + 0.5)) / video.duration;
                  scrub.dispatchEvent(new PointerEvent('pointermove', { clientX, bubbles: true }));
                  words.push(preview.textContent);
                  const image = new Image();
                  image.src = picture.style.backgroundImage.match(/url\\("([^"]+)"\\)/)[1];
                  await image.decode();
                  const [x, y] = picture.style.backgroundPosition.match(/[0-9]+/g).map((place) => place * density);
                  const [w, h] = [picture.style.inlineSize, picture.style.blockSize].map((size) => parseFloat(size) * density);
                  context.drawImage(image, x, y, w, h, 0, 0, width, height);
                  tiles.push(pixels());
                  const sought = new Promise((resolve) => video.addEventListener('seeked', resolve, { once: true }));
                  video.currentTime = second + 0.02;
                  await sought;
                  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
                  context.drawImage(video, 0, 0, width, height);
                  pictures.push(pixels());
                }
                const distance = (a, b) => a.reduce((sum, value, place) => sum + Math.abs(value - b[place]), 0);
                const nearest = tiles.map((tile) => {
                  const distances = pictures.map((other) => distance(tile, other));
                  return distances.indexOf(Math.min(...distances));
                });
                return { nearest, words, size: picture.style.inlineSize, address: picture.style.backgroundImage };
                """)
            #expect(found["address"]?.stringValue?.contains("-2x.jpg") == (density == 2), "\(found.text)")
            #expect(found["size"] == "160px", "\(found.text)")
            #expect(found["nearest"] == .array((0..<10).map { .integer($0) }), "\(found.text)")
            #expect(found["words"] == .array((0..<10).map { .string("0:0\($0)") }), "\(found.text)")
        }

        /// Chooses in one of the player's menus as a person does.
        private func choose(_ menu: String, _ words: String, _ browser: Browser) async throws {
            let selector = "select[aria-label=\(menu)]"
            try await browser.wait(
                until: "[...document.querySelector('\(selector)').options].some(o => o.text === '\(words)')")
            _ = try await browser.evaluate(
                """
                const select = document.querySelector(arguments[0]);
                select.value = [...select.options].find(o => o.text === arguments[1]).value;
                select.dispatchEvent(new Event('change', {bubbles: true}));
                """, .string(selector), .string(words))
        }

        @Test("keys move the film, and whoever comes back goes on where he left off")
        func keys() async throws {
            let stage = try sharedStage()
            let film = Film(name: "kept", frames: 480)
            let run = try await stage.end(of: try await stage.ingest(try await film.make(), title: "Kept"))
            let id = try #require(run["output"]?["titleId"]?.stringValue)
            try await Browser.use { browser in
                let at = "\(Self.video).currentTime"
                try await browser.open("\(stage.viewerURL)/#/titles/\(id)")
                try await browser.wait(until: "\(Self.video)?.readyState >= 2")
                try await browser.press("k")
                try await browser.wait(until: "!\(Self.video).paused && \(at) > 0.2")
                try await browser.press("m")
                try await browser.wait(until: "\(Self.video).muted")
                try await browser.press("k")
                try await browser.wait(until: "\(Self.video).paused")
                let before = try #require(try await browser.evaluate("return \(at)").doubleValue)
                try await browser.press(Self.arrowRight)
                try await browser.wait(until: "Math.abs(\(at) - \(before + 10)) < 0.01")
                try await browser.press(Self.arrowLeft)
                try await browser.wait(until: "Math.abs(\(at) - \(before)) < 0.01")
                // Where it stands is told in words, too.
                _ = try await browser.evaluate("\(Self.video).currentTime = 7")
                try await browser.wait(
                    until: "document.querySelector('.scrub input').ariaValueText === '7 seconds of 20 seconds'")
                try await browser.press("k")
                try await browser.wait(until: "!\(Self.video).paused && \(at) > 7.2")
                try await browser.press("k")
                try await browser.wait(until: "\(Self.video).paused")
                let left = try #require(try await browser.evaluate("return \(at)").doubleValue)
                try await browser.open("\(stage.viewerURL)/?again#/titles/\(id)")
                try await browser.wait(until: "\(Self.video)?.readyState >= 2 && Math.abs(\(at) - \(left)) < 0.01")
                let told = try await browser.evaluate("return document.querySelector('#announcer').textContent")
                #expect(told.stringValue?.hasPrefix("Goes on at 7 seconds") == true, "\(told.text)")
                #expect(try await browser.complaints() == [])
            }
        }

        @Test("where a browser has no Media Source Extensions its own HLS plays")
        func playsNatively() async throws {
            let stage = try sharedStage()
            let run = try await stage.end(
                of: try await stage.ingest(try await Film(name: "native", frames: 48).make(), title: "Native"))
            let id = try #require(run["output"]?["titleId"]?.stringValue)
            try await Browser.use { browser in
                try await browser.prepare("delete window.MediaSource; delete window.ManagedMediaSource;")
                try await browser.open("\(stage.viewerURL)/#/titles/\(id)")
                try await browser.wait(until: "\(Self.video)?.readyState >= 1")
                #expect(try await browser.evaluate("return \(Self.stream) === null") == true)
                #expect(try await browser.evaluate("return \(Self.video).src.endsWith('.m3u8')") == true)
                _ = try await browser.evaluate(
                    "window.seen = []; \(Self.video).addEventListener('ended', () => seen.push('ended'))")
                try await browser.click("button.start")
                try await browser.wait(until: "window.seen.includes('ended')")
                #expect(try await browser.complaints() == [])
            }
        }

        @Test("the ladder is climbed by rate and by what is in store")
        func climbs() async throws {
            let stage = try sharedStage()
            try await Browser.use { browser in
                try await browser.open(stage.viewerURL + "/")
                let rungs = "[{bandwidth: 500e3}, {bandwidth: 1e6}, {bandwidth: 3e6}, {bandwidth: 6e6}]"
                // current, rate, seconds ahead -> place
                let cases: [(Int, Double, Double, Int)] = [
                    (-1, 0, 0, 0), (-1, 2e6, 0, 1), (-1, 1e9, 0, 3), (0, 1e9, 2, 0), (0, 1e9, 10, 1), (1, 1e9, 30, 2),
                    (3, 2e6, 3, 1), (3, 2e6, 25, 1), (2, 2.4e6, 25, 1), (2, 2.6e6, 25, 2), (2, 100e3, 30, 0),
                ]
                for (current, rate, ahead, place) in cases {
                    let chosen = try await browser.evaluateAsync(
                        """
                        const { chooseRung } = await import('/pages/rate.js');
                        return chooseRung(\(rungs), \(current), \(rate), \(ahead));
                        """)
                    #expect(chosen.integerValue == place, "\(current) \(rate) \(ahead)")
                }
                let rate = try await browser.evaluateAsync(
                    """
                    const { Meter } = await import('/pages/rate.js');
                    const meter = new Meter(7);
                    const rates = [meter.rate];
                    meter.note(10, 1);
                    rates.push(meter.rate);
                    for (let i = 0; i < 30; i++) meter.note(1e6, 1);
                    rates.push(meter.rate);
                    for (let i = 0; i < 3; i++) meter.note(1e5, 1);
                    rates.push(meter.rate);
                    return rates;
                    """)
                let rates = (rate.arrayValue ?? []).compactMap(\.doubleValue)
                try #require(rates.count == 4)
                #expect(rates[0] == 7 && rates[1] == 7, "small answers say nothing")
                #expect(abs(rates[2] - 8e6) < 1e4)
                // Three slow seconds are seen by the quick average.
                #expect(rates[3] < 4e6 && rates[3] > 0.8e6)
            }
        }
    }
}
