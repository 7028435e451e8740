import Foundation
import JSON
import ScriptedServer
import Testing

extension EndToEnd {
    /// What viewers and operators see and do, in Chromium.
    @Suite(.enabled(if: Browser.isInstalled, "chromium and chromedriver are not installed"))
    struct BrowserTests {
        private static let film = Film(name: "shown", size: "640x360", frames: 96)

        /// Publishes a film for the pages to show.
        private func publish(_ stage: TestStage, _ title: String) async throws -> JSON {
            let run = try await stage.end(of: try await stage.ingest(try await Self.film.make(), title: title))
            try #require(run["status"] == "SUCCEEDED", "\(run["cause"]?.text ?? "")")
            return run
        }

        @Test("a viewer finds the title, presses play and sees it to its end")
        func viewerPlays() async throws {
            let stage = try sharedStage()
            let run = try await publish(stage, "A Film to See")
            let id = try #require(run["output"]?["titleId"]?.stringValue)
            try await Browser.use { browser in
                try await browser.open(stage.viewerURL + "/")
                try await browser.wait(until: "document.body.innerText.includes('A Film to See')")
                try await browser.wait(
                    until: "[...document.querySelectorAll('.poster img')].every(i => i.naturalWidth > 0)")
                try await browser.screenshot("viewer-catalogue")
                try await browser.click("a[href='#/titles/\(id)']")
                try await browser.wait(until: "document.querySelector('video')?.readyState >= 1")
                #expect(try await browser.evaluate("return document.querySelector('h1').innerText") == "A Film to See")
                _ = try await browser.evaluate(
                    """
                    const video = document.querySelector('video');
                    window.seen = [];
                    for (const name of ['playing', 'ended', 'error']) video.addEventListener(name, () => seen.push(name));
                    """)
                try await browser.click("button[aria-label='Play A Film to See']")
                try await browser.wait(
                    until: "window.seen.includes('playing') && document.querySelector('video').currentTime > 1")
                try await browser.screenshot("viewer-playing")
                try await browser.wait(until: "window.seen.includes('ended') || window.seen.includes('error')")
                try await Self.expectWholeFilm(browser)
                #expect(try await browser.evaluate("return window.seen.includes('error')") == false)
                #expect(try await browser.complaints() == [])
            }
        }

        @Test("the multivariant playlist plays in a <video> to its end, and so does one of a single rung")
        func playlistPlays() async throws {
            let stage = try sharedStage()
            let film = Film(name: "rungs", size: "854x480", frames: Self.film.frames)
            let run = try await stage.end(of: try await stage.ingest(try await film.make(), title: "Playlist"))
            let master = try await Playlist(try #require(run["output"]?["hls"]?.stringValue), stage.http)
            try await Browser.use { browser in
                try await playNatively(master.url, height: nil, browser)
                for height in [360, 480] {
                    let playlist = try Self.alone(height, of: master)
                    let server = try ScriptedServer { connection in
                        guard connection.receive() != nil else { return }
                        connection.answer(
                            200,
                            "Content-Type: application/vnd.apple.mpegurl\r\nAccess-Control-Allow-Origin: *\r\n"
                                + "Connection: close\r\n", playlist)
                    }
                    try await playNatively("\(server.url)/one.m3u8", height: height, browser)
                }
            }
        }

        /// The multivariant playlist with the variant of one height alone, its addresses made absolute.
        private static func alone(_ height: Int, of master: Playlist) throws -> String {
            var lines: [String] = []
            for (line, next) in zip(master.lines, master.lines.dropFirst() + [""]) {
                if line.hasPrefix("#EXT-X-STREAM-INF:") {
                    if line.contains("x\(height),") { lines += [line, master.resolve(next)] }
                } else if line.hasPrefix("#EXT-X-MEDIA:") {
                    lines.append(line.replacing(/URI="([^"]+)"/) { "URI=\"\(master.resolve(String($0.1)))\"" })
                } else if line.hasPrefix("#"), !line.hasPrefix("#EXT-X-I-FRAME-STREAM-INF:") {
                    lines.append(line)
                }
            }
            try #require(lines.filter { $0.hasPrefix("#EXT-X-STREAM-INF:") }.count == 1, "\(master.lines)")
            return lines.joined(separator: "\n") + "\n"
        }

        /// Plays a playlist by the browser's own means, on a page of another origin: media is public to all.
        private func playNatively(_ hls: String, height: Int?, _ browser: Browser) async throws {
            let page = Workplace.file("page.html")
            try Data("<!doctype html><title>Elsewhere</title><video muted></video>".utf8)
                .write(to: URL(filePath: page))
            try await browser.open("file://\(page)")
            _ = try await browser.evaluate(
                """
                const video = document.querySelector('video');
                window.seen = [];
                for (const name of ['ended', 'error']) video.addEventListener(name, () => seen.push(name));
                video.src = arguments[0];
                video.play();
                """, .string(hls))
            try await browser.wait(until: "window.seen.length > 0")
            let seen = try await browser.evaluate("return window.seen")
            let message = try await browser.evaluate("return document.querySelector('video').error?.message ?? ''")
            let complaints = try await browser.complaints()
            try #require(seen == ["ended"], "\(seen.text) \(message.text) \(complaints)")
            try await Self.expectWholeFilm(browser)
            guard let height else { return }
            #expect(
                try await browser.evaluate("return document.querySelector('video').videoHeight") == .integer(height))
        }

        /// The video has played all of the film, with its pictures.
        private static func expectWholeFilm(_ browser: Browser) async throws {
            let state = try await browser.evaluate(
                """
                const video = document.querySelector('video');
                const played = video.played;
                return {ended: video.ended, at: video.currentTime, duration: video.duration, height: video.videoHeight,
                  from: played.start(0), to: played.end(played.length - 1), pieces: played.length,
                  frames: video.getVideoPlaybackQuality().totalVideoFrames};
                """)
            #expect(state["ended"] == true && state["pieces"] == 1, "\(state.text)")
            #expect(abs((state["duration"]?.doubleValue ?? 0) - film.seconds) < 0.1, "\(state.text)")
            #expect((state["from"]?.doubleValue ?? 9) < 0.1, "\(state.text)")
            #expect(abs((state["to"]?.doubleValue ?? 0) - film.seconds) < 0.1, "\(state.text)")
            #expect(
                (state["height"]?.integerValue ?? 0) > 0 && (state["frames"]?.integerValue ?? 0) > 0, "\(state.text)")
        }

        @Test("an operator sees the run in the list, opens it, and sees a failure's reason")
        func operatorSees() async throws {
            let stage = try sharedStage()
            let run = try await publish(stage, "A Run to See")
            let bad = Workplace.file("film.mp4")
            try Data("This is no film.\n".utf8).write(to: URL(filePath: bad))
            let failed = try await stage.end(of: try await stage.ingest(bad, title: "A Run That Failed"))
            let cause = try #require(failed["cause"]?.stringValue)
            try await Browser.use { browser in
                try await browser.open(stage.engineURL + "/console/")
                try await browser.wait(
                    until: "['A Run to See', 'A Run That Failed'].every(t => document.body.innerText.includes(t))")
                try await browser.screenshot("console-runs")
                try await browser.click("a[href='/console/runs/\(try #require(run["id"]?.stringValue))']")
                let states = ["Validate", "Transcode", "Thumbnails", "Package", "Publish"]
                let wanted = JSON.array(states.map(JSON.string)).text
                try await browser.wait(until: "\(wanted).every(t => document.body.textContent.includes(t))")
                try await browser.wait(until: "document.body.innerText.toLowerCase().includes('succeeded')")
                try await browser.screenshot("console-run")
                try await Self.showsWhy(browser, stage, run)
                try await browser.open(
                    "\(stage.engineURL)/console/runs/\(try #require(failed["id"]?.stringValue))")
                try await browser.wait(until: "document.body.innerText.includes(\(JSON.string(cause).text))")
                #expect(try await browser.visibleText().contains("Showrunner.SourceInvalid"))
                try await browser.screenshot("console-failed")
                try await browser.open(stage.engineURL + "/console/workers")
                try await browser.wait(until: "document.body.innerText.includes('worker-2')")
                #expect(try await browser.complaints() == [])
            }
        }

        /// What a step has found, and why its result was made or taken, field by field.
        private static func showsWhy(_ browser: Browser, _ stage: TestStage, _ run: JSON) async throws {
            func shows(_ run: JSON, _ state: String, _ words: String...) async throws {
                let id = try #require(run["id"]?.stringValue)
                let arn = try #require(run["executionArn"]?.stringValue)
                let entry = try #require(try await stage.entries(of: arn, state).last?["entry"]?.integerValue)
                try await browser.open("\(stage.engineURL)/console/runs/\(id)?entry=\(entry)")
                let wanted = JSON.array(words.map(JSON.string)).text
                try await browser.wait(
                    until: "\(wanted).every(w => document.querySelector('state-panel')?.innerText.includes(w))")
            }
            try await shows(run, "Transcode", "Made anew", "Rungs", "video-360p", "SSIM", "dB")
            try await browser.screenshot("console-run-transcode")
            // The same film with other parameters.
            let transcoded = try #require(run["executionArn"]?.stringValue)
            let validated = try await stage.entries(of: transcoded, "Validate")
            let source = try #require(validated.last?["output"]?["media"]?["source"]?["url"]?.stringValue)
            let input: JSON = ["source": .string(source), "title": "A Run Made Anew", "preset": "superfast"]
            let started = try await stage.client.call(
                "StartExecution",
                [
                    "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:ingest",
                    "input": .string(input.text),
                ])
            let again = try await stage.end(of: try #require(started["executionArn"]?.stringValue))
            try await shows(again, "Validate", "Reused", "An equal step had made it")
            try await shows(again, "Transcode", "Made anew", "parameters.preset was \"veryfast\", is \"superfast\"")
            try await browser.screenshot("console-run-made-anew")
        }

        @Test("an operator watches an encode move and stops it")
        func operatorStops() async throws {
            let stage = try sharedStage()
            // Long enough for a browser that is slow to start.
            let film = Film(name: "to be stopped", size: "960x540", rate: "25", frames: 1500)
            let arn = try await stage.ingest(try await film.make(), title: "A Run to Stop")
            try await stage.firstProgress(of: arn, in: "Transcode")
            let id = try #require(try await stage.run(arn)["id"]?.stringValue)
            try await Browser.use { browser in
                try await browser.open("\(stage.engineURL)/console/runs/\(id)")
                try await browser.wait(until: "document.querySelector('[data-action=stop]')")
                try await browser.wait(until: "/\\d+ ?%/.test(document.body.innerText)")
                try await browser.screenshot("console-running")
                try await browser.click("[data-action=stop]")
                try await browser.type("the wrong cut", into: "dialog[open] textarea")
                try await browser.screenshot("console-stop")
                try await browser.click("dialog[open] button[type=submit]")
                try await browser.wait(until: "!document.querySelector('dialog[open]')")
                try await browser.wait(until: "document.body.innerText.includes('the wrong cut')")
            }
            let stopped = try await stage.run(arn)
            #expect(stopped["status"] == "ABORTED" && stopped["cause"] == "the wrong cut")
        }
    }
}
