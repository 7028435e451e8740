import Foundation
import HTTPServer
import JSON
import RawHTTP
import TemporaryFolder
import Testing

@testable import Console

/// One browser at a time.
@Suite(.serialized) struct ConsolePageTests {
    @Test(arguments: [
        "/console/", "/console", "/console/machines", "/console/machines/ingest",
        "/console/workers", "/console/schedules", "/console/schedules/nightly",
        "/console/triggers", "/console/triggers/partner-films",
        "/console/runs/0191f4c2", "/console/runs/arn%3Aaws",
        "/console/sign-in",
    ])
    func everyAddressShowsThePage(_ path: String) async throws {
        let answer = try await ask("GET", path)
        #expect(answer.status == 200)
        #expect(answer["content-type"] == "text/html; charset=utf-8")
        let policy = try #require(answer["content-security-policy"])
        #expect(policy.contains("script-src 'self';"))
        #expect(policy.contains("style-src 'self';"))
        #expect(!policy.contains("unsafe"))
        #expect(answer["x-content-type-options"] == "nosniff")
        let again = try await ask("GET", path, ["If-None-Match": try #require(answer["etag"])])
        #expect(again.status == 304)
        #expect(again.content.isEmpty)
    }

    /// A file that is named and not served would be a page that stays empty.
    @Test func everyFileThatIsNamedIsServed() throws {
        var texts = [ConsolePages.shell, ConsolePages.signIn].map { String(buffer: $0.bytes) }
        texts += ConsolePages.assets.values.map { String(buffer: $0.bytes) }
        var named: Set<String> = []
        for text in texts {
            for match in text.matches(of: /"\/console\/assets\/([^"]+)"|(?:from|import) "\.\/([^"]+)"/) {
                named.insert(String(match.1 ?? match.2 ?? ""))
            }
        }
        #expect(named == Set(ConsolePages.assets.keys))
    }

    /// The policy refuses them in the browser; this says so before.
    @Test func nothingIsInlineAndNoTextBecomesMarkup() throws {
        for page in [ConsolePages.shell, ConsolePages.signIn] {
            let text = String(buffer: page.bytes)
            #expect(text.firstMatch(of: /<style|\sstyle=|\son[a-z]+=|<script(?![^>]*src=)/) == nil)
        }
        for (name, asset) in ConsolePages.assets where name.hasSuffix(".js") {
            let text = String(buffer: asset.bytes)
            #expect(
                text.firstMatch(of: /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/)
                    == nil, "\(name)")
            #expect(text.firstMatch(of: /https?:\/\/(?!www\.w3\.org)/) == nil, "\(name) refers to another host")
            // Browsers have it only where the page came encrypted, or from this machine.
            #expect(!text.contains("randomUUID"), "\(name)")
        }
    }

    fileprivate static let chromium = "/usr/bin/chromium"

    @Test(
        .needsChromium, .serialized,
        arguments: [
            ("/console/", ["Cosmos ep. 3", "Showrunner.SourceInvalid", "Nightly retraining", "timed out", "68 %"]),
            (
                "/console/?q=status:failed",
                [
                    "Cosmos ep. 3", "A start of ingest is refused", "2 engines ended",
                    "Release 1f0c9a6b2d44-9b1a30c7e5d2",
                ]
            ),
            (
                "/console/runs/0191f4b0-2210-7f33-8a4e-7be05d4a0002",
                [
                    "byte 804213551", "aria-label=\"Transcode, Task, failed", "aria-label=\"Refuse, Fail, not reached",
                    "720×480",
                ]
            ),
            (
                "/console/runs/0191f4c2-7d11-7a60-9c51-1f00c8a10001?entry=5",
                ["PUT http://127.0.0.1:9000/media", "Stop…", "aria-label=\"Thumbnails, Task, retrying"]
            ),
            (
                "/console/machines",
                [
                    "2 machines", "12 versions", "schedule </span>retrain", "trigger </span>partner-films", "10,000+",
                    "at most 0.2 %", "Showrunner.SourceInvalid", "typically </span>12 m 00 s", "never run",
                ]
            ),
            ("/console/machines?q=retrain", ["1 of 2 machines", "train-ranker"]),
            ("/console/machines?q=haystack", ["No machine matches"]),
            (
                "/console/machines/ingest?state=Transcode",
                [
                    "version 2 (10 %)", "with captions", "the current definition", "aria-label=\"Transcode, Task\"",
                    "trigger partner-films", "Cosmos ep. 3", "decoder: invalid NAL", "Start…", "\"End\"",
                ]
            ),
            (
                "/console/machines/ingest?version=1",
                ["Version 1 is shown", "aria-label=\"Encode, Pass\"", "Select a state"]
            ),
            ("/console/machines/ingest?version=7", ["The definition could not be loaded", "Does Not Exist"]),
            ("/console/machines/nothing", ["The machine could not be loaded", "Does Not Exist"]),
            ("/console/workers", ["worker-2", "Transcode", "validate, transcode"]),
            ("/console/schedules", ["retrain", "cron(30 2 * * ? *)", "the store is being moved", "paused"]),
            (
                "/console/schedules/retrain",
                ["skipped: clocks go", "Run now…", "nobody was there", "There was no machine.", "caught up"]
            ),
            (
                "/console/triggers",
                [
                    "partner-films", "Refused: the token is wrong. (40 times)", "refused", "/srv/drop", "disabled",
                    "the cutting room is closed", "paused", "ends of runs",
                ]
            ),
            ("/console/triggers/tell-failures", ["ends of runs", "told of ends until", "notify-chat"]),
            ("/console/triggers/trailers", ["Resume…", "2 told while paused", "told while it was paused (2 times)"]),
            (
                "/console/triggers/partner-films",
                [
                    "What a partner delivers.", "12 started, 3 told again, 40 refused", "/hooks/partner-films",
                    "suffix",
                    "partner-films-0123456789abcdef", "Pause…", "New secret…", "None of the latest",
                ]
            ),
            (
                "/console/runs/0191f4b0-2210-7f33-8a4e-7be05d4a0002?events",
                [
                    "TaskStateEntered", "+30 s", "Transcode", "showrunner:transcode",
                    "Show later events",
                ]
            ),
            (
                "/console/runs/0191f4a1-0044-7b10-b6d0-44ce01550003",
                [
                    "processor time</dt><dd>2 m 30 s", "most memory</dt><dd>900 MiB",
                    "saved by kept results</dt><dd>30 s", "What it took", "1 m 22 s",
                    "href=\"/console/machines/ingest\"",
                ]
            ),
            ("/console/runs/nowhere", ["No such run"]), ("/console/runs/%E0%A4%A", ["No such run"]),
            (
                "/console/runs/0191f4b0-2210-7f33-8a4e-7be05d4a0002?compare",
                [
                    "Since it worked", "Big Buck Bunny", "The definition is the same.", "$.title",
                    "not reached → failed in 11 m 30 s on worker-2 Showrunner.SourceInvalid",
                ]
            ),
        ]
    ) func aBrowserShowsWhatTheEngineSays(_ path: String, _ words: [String]) async throws {
        let document = try await shown(path, RecordedRuns(recordings.day, workers: recordings.workers))
        for word in words { #expect(document.contains(word), "\(word) in \(document.prefix(6000))") }
        if path.hasSuffix("q=retrain") { #expect(!document.contains("machines/ingest")) }
        if path.hasSuffix("status:failed") { #expect(!document.contains("Nightly retraining")) }
    }

    @Test(.needsChromium) func aSearchFindsWhatIsNoLongerAmongTheLatest() async throws {
        var day = recordings.day
        day[day.count - 1].run.title = "The needle"
        let many = (0..<1200).map { index in
            var detail = recordings.succeeded
            detail.run.id = "many-\(index)"
            return detail
        }
        let document = try await shown("/console/?q=needle", RecordedRuns(many + day))
        #expect(document.contains("The needle") && !document.contains("No run matches"), "\(document.prefix(6000))")
        let lacking = try await shown("/console/?q=haystack", RecordedRuns(many))
        #expect(lacking.contains("No run matches") && !lacking.contains("earlier ones may"))
    }

    private func shown(_ path: String, _ runs: RecordedRuns) async throws -> String {
        let router = ServiceRouter()
        // Without event streams: the browser's virtual time stands still while a request is open.
        router.addConsoleRoutes(runs: runs, maximumStreams: 0)
        router.addMachineRoutes(machines: RecordedMachines(), runs: runs)
        router.addScheduleRoutes(schedules: RecordedSchedules())
        router.addRecordedTriggers()
        router.addHistoryRoutes(histories: RecordedHistories())
        return try await shown(path, router)
    }

    /// The document that a browser makes of a page.
    func shown(_ path: String, _ router: ServiceRouter) async throws -> String {
        try await withServer(router) { port, _ in
            try await onThread {
                let profile = try TemporaryFolder()
                let browser = Process()
                browser.executableURL = URL(filePath: Self.chromium)
                browser.arguments = [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(profile.path)",
                    "--virtual-time-budget=3000", "--timeout=20000", "--dump-dom", "http://127.0.0.1:\(port)\(path)",
                ]
                let output = Pipe()
                browser.standardOutput = output
                browser.standardError = FileHandle.nullDevice
                try browser.run()
                DispatchQueue.global().asyncAfter(deadline: .now() + 60) {
                    if browser.isRunning { browser.terminate() }
                }
                let data = try output.fileHandleForReading.readToEnd() ?? Data()
                browser.waitUntilExit()
                withExtendedLifetime(profile) {}
                return String(decoding: data, as: UTF8.self)
            }
        }
    }
}

extension Trait where Self == ConditionTrait {
    static var needsChromium: Self {
        .enabled(if: FileManager.default.isExecutableFile(atPath: ConsolePageTests.chromium), "needs Chromium")
    }
}
