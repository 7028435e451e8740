import EngineClient
import Foundation
import HTTP
import JSON
import Testing

extension EndToEnd {
    /// What operators do in the console, in Chromium; and whether everybody can, as far as axe can tell.
    @Suite(.enabled(if: Browser.isInstalled, "chromium and chromedriver are not installed"))
    struct ConsoleVerbTests {
        private static let review = """
            Comment: Somebody looks before it goes on.
            StartAt: Review
            States:
              Review:
                Type: Task
                Resource: arn:aws:states:::showrunner:approve.waitForTaskToken
                Parameters:
                  question: May it go out?
                  details.$: $
                End: true
            """
        private static let note = """
            StartAt: Note
            States:
              Note: {Type: Pass, End: true}
            """
        private static let triggers = """
            Triggers:
              partner:
                Description: Films that a partner has finished.
                Source: {Kind: webhook}
                EventPattern: {detail: {type: [film.ready]}}
                IdempotencyKey: "{% $states.input.detail.id %}"
                Target: {Arn: note, Input: {film: "{% $states.input.detail.id %}"}}
              drop:
                Source: {Kind: directory, Path: /no/such/folder}
                Target: {Arn: note}
            """

        @Test("an operator makes a hook's secret, approves, rejects and drains; the audit log says why")
        func verbs() async throws {
            let folder = Workplace.file("workflows")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, content) in [
                ("review.asl.yaml", Self.review), ("note.asl.yaml", Self.note), ("triggers.yaml", Self.triggers),
            ] {
                try content.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            let stage = try await TestStage.start(workers: 1, options: ["--workflows", folder])
            do {
                let axe = try await Axe.isInstalled() ? Axe.script() : nil
                try await Browser.use { browser in
                    try await triggers(browser, stage, axe)
                    try await answers(browser, stage, axe)
                    try await drains(browser, stage, axe)
                    try await starts(browser, stage, axe)
                    if let axe { try await others(browser, stage, axe) }
                    #expect(try await browser.complaints() == [])
                }
                try await expectReasons(stage)
            } catch {
                try await stage.stop()
                throw error
            }
            try await stage.stop()
        }

        /// Looked at as on a telephone by night, and then as on a desk by day, where the test goes on.
        private func look(_ page: String, _ browser: Browser, _ axe: String?) async throws {
            for (scheme, width) in [("dark", 360), ("light", 1280)] {
                try await browser.look(scheme, width: width)
                try await browser.screenshot("\(page)-\(scheme)-\(width)")
                #expect(try await browser.isAsWideAsItsWindow(), "\(page) is wider than \(width) pixels")
                if let axe { try await browser.expectAccessible("\(page), \(scheme), \(width) pixels", axe) }
            }
        }

        private func says(_ words: String...) -> String {
            words.map { "document.body.innerText.includes(\(JSON.string($0).text))" }.joined(separator: " && ")
        }

        private func triggers(_ browser: Browser, _ stage: TestStage, _ axe: String?) async throws {
            try await browser.open(stage.engineURL + "/console/triggers")
            try await browser.wait(until: says("partner", "no secret", "drop", "No such file or directory"))
            try await look("triggers", browser, axe)
            try await browser.click("a[href='/console/triggers/partner']")
            try await browser.wait(until: says("It has no secret", "film.ready", "None of the latest"))
            try await browser.click(".verbs button")
            try await browser.type("the partner begins", into: "dialog[open] textarea")
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(until: "document.querySelector('dialog[open] code')?.innerText.startsWith('whsec_')")
            let secret = try #require(
                try await browser.evaluate("return document.querySelector('dialog[open] code').innerText").stringValue)
            try await look("trigger-secret", browser, axe)
            try await browser.click("dialog[open] .buttons button")

            let event = #"{"id":"f-1","type":"film.ready"}"#
            let signature = try await Program.run(
                "sh", ["-c", "printf %s \"$0\" | openssl dgst -sha256 -hmac \"$1\" -r", event, secret]
            ).output.prefix(64)
            func tell(_ signature: Substring) async throws -> Int {
                try await stage.http.send(
                    HTTPRequest(
                        "POST", "\(stage.engineURL)/hooks/partner",
                        headers: [
                            "Content-Type": "application/json", "X-Hub-Signature-256": "sha256=\(signature)",
                        ], body: .bytes(Array(event.utf8)))
                ).status
            }
            #expect(try await tell(signature) == 200)
            #expect(try await tell(signature) == 200)
            #expect(try await tell(Substring(repeating: "0", count: 64)) == 401)
            try await browser.wait(until: says("refused", "told again", "1 started", "Refused: "))
            try await look("trigger", browser, axe)
            // Paused, it turns its senders away; resumed, it takes them again.
            let pause = ".verbs button:nth-of-type(2)"
            try await browser.click(pause)
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(until: says("Say why"))
            try await browser.type("the partner tries something", into: "dialog[open] textarea")
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(until: says("Resume…", "the partner tries something"))
            #expect(try await tell(signature) == 503)
            try await look("trigger-paused", browser, axe)
            try await browser.click(pause)
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(until: says("Pause…"))
            #expect(try await tell(signature) == 200)
            try await browser.wait(until: "document.querySelector('trigger-page a[data-row]')")
            try await browser.click("trigger-page a[data-row]")
            try await browser.wait(until: says("succeeded", "trigger partner"))
            // Somebody starts another, who is no trigger.
            try await browser.click("[data-action=again]")
            try await look("start-again", browser, axe)
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(
                until: "document.querySelector('run-page h1') && \(says("succeeded")) && !(\(says("trigger partner")))")
        }

        private func answers(_ browser: Browser, _ stage: TestStage, _ axe: String?) async throws {
            for isApproved in [true, false] {
                let started = try await stage.client.call(
                    "StartExecution",
                    [
                        "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:review",
                        "input": #"{"film":"Elf"}"#,
                    ])
                let arn = try #require(started["executionArn"]?.stringValue)
                let id = try #require(try await stage.run(arn)["id"]?.stringValue)
                try await browser.open("\(stage.engineURL)/console/runs/\(id)")
                try await browser.wait(until: says("May it go out?", "Approve…", "Elf"))
                if isApproved { try await look("approval", browser, axe) }
                try await browser.click(".answer > .buttons button\(isApproved ? "" : ".quiet")")
                if isApproved {
                    try await browser.type("seen it twice", into: "dialog[open] #reason")
                } else {
                    try await browser.click("dialog[open] button[type=submit]")
                    try await browser.wait(until: says("Say why"))
                    try await browser.type("too loud", into: "dialog[open] #reason")
                }
                if !isApproved { try await look("rejection", browser, axe) }
                try await browser.click("dialog[open] button[type=submit]")
                try await browser.wait(until: says(isApproved ? "succeeded" : "too loud"))
                try await browser.wait(until: "document.querySelector('.answer').hidden")
                let run = try await stage.end(of: arn)
                if isApproved {
                    #expect(run["status"] == "SUCCEEDED" && run["output"] == ["approved": true])
                } else {
                    #expect(run["error"] == "Showrunner.Rejected" && run["cause"] == "too loud")
                    // The one before was approved.
                    try await browser.click(".trouble-box .buttons button:nth-of-type(2)")
                    try await browser.wait(
                        until: says("Since it worked", "The definition is the same.", "The input is the same."))
                    try await browser.click("run-history summary")
                    try await browser.wait(until: says("ExecutionStarted", "Showrunner.Rejected: too loud"))
                    try await look("since-it-worked", browser, axe)
                }
                let again = try await stage.http.send(
                    HTTPRequest(
                        "POST", "\(stage.engineURL)/console/api/runs/\(id)/states/1/approve",
                        headers: ["Content-Type": "application/json"], body: .bytes(Array("{}".utf8))))
                #expect([404, 409].contains(again.status), "\(again.text)")
            }
        }

        private func drains(_ browser: Browser, _ stage: TestStage, _ axe: String?) async throws {
            try await browser.open(stage.engineURL + "/console/workers")
            let drain = "button[aria-label='Drain worker-1']"
            try await browser.wait(until: "document.querySelector(\"\(drain)\")")
            try await browser.click(drain)
            try await browser.type("a disk is to be changed", into: "dialog[open] textarea")
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(until: says("draining: a disk is to be changed"))
            try await look("workers", browser, axe)
            try await browser.click("button[aria-label='Release worker-1']")
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(until: "document.querySelector(\"\(drain)\")")
        }

        /// A machine is found in the list, and a run of it is started by hand.
        private func starts(_ browser: Browser, _ stage: TestStage, _ axe: String?) async throws {
            try await browser.open(stage.engineURL + "/console/machines")
            try await browser.wait(until: says("note", "trigger partner", "review"))
            try await look("machines", browser, axe)
            try await browser.type("drop", into: "input[type=search]")
            try await browser.wait(until: says("1 of "))
            try await browser.click("a[href='/console/machines/note']")
            try await browser.wait(until: says("Pass", "trigger drop", "None is published"))
            try await browser.click("[data-action=start]")
            try await browser.type("by-hand", into: "dialog[open] #name")
            try await browser.type("to see it run", into: "dialog[open] #reason")
            try await look("machine-start", browser, axe)
            try await browser.click("dialog[open] button[type=submit]")
            try await browser.wait(until: "location.pathname.startsWith('/console/runs/')")
            try await browser.wait(until: says("by-hand", "succeeded"))
            try await browser.click("a[href='/console/machines/note']")
            try await browser.wait(until: says("Start…", "by-hand", "All runs"))
            try await browser.click("run-graph a")
            try await browser.wait(until: "document.querySelector('.machine-state')?.innerText.includes('\"End\"')")
            try await look("machine", browser, axe)
        }

        /// The pages that nothing was done on.
        private func others(_ browser: Browser, _ stage: TestStage, _ axe: String) async throws {
            for (name, path, words) in [
                ("runs", "/console/", "review"), ("schedules", "/console/schedules", "No schedules"),
                ("sign-in", "/console/sign-in", "Secret access key"),
                ("no-run", "/console/runs/nowhere", "No such run"),
            ] {
                try await browser.open(stage.engineURL + path)
                try await browser.wait(until: says(words))
                try await look("console-\(name)", browser, axe)
                if name == "runs" {
                    try await browser.click("[data-action=help]")
                    try await look("console-help", browser, axe)
                }
                // What the browser itself complains of: a document that is not there.
                if name == "no-run" { _ = try await browser.complaints() }
            }
        }

        private func expectReasons(_ stage: TestStage) async throws {
            let audit = try await stage.showrunner("audit", "--limit", "100", "--json")
            try #require(audit.status == 0, "\(audit)")
            let rows = try JSON(parsing: audit.output)["items"]?.arrayValue ?? []
            func reasons(_ action: String) -> [String?] {
                rows.filter { $0["action"]?.stringValue == action && $0["outcome"] == "Succeeded" }.map {
                    $0["reason"]?.stringValue
                }
            }
            #expect(Set(reasons("AnswerTask")) == ["seen it twice", "too loud"])
            #expect(reasons("OperateDispatch").contains("a disk is to be changed"))
            #expect(reasons("StartExecution").contains("to see it run"))
            #expect(reasons("ManageConnections") == ["the partner begins"])
            #expect(reasons("OperateTriggers").contains("the partner tries something"))
        }
    }

    /// Whether everybody can use the viewers' pages, as far as axe can tell.
    @Suite(.enabled(if: Browser.isInstalled, "chromium and chromedriver are not installed"))
    struct ViewerAccessTests {
        @Test(
            "viewers' pages break no rule of WCAG 2.2 AA that axe knows",
            .enabled(Axe.missing) { try await Axe.isInstalled() })
        func pages() async throws {
            let stage = try sharedStage()
            let axe = try await Axe.script()
            let film = Film(name: "shown", size: "640x360", frames: 96)
            let run = try await stage.end(of: try await stage.ingest(try await film.make(), title: "Open to All"))
            let id = try #require(run["output"]?["titleId"]?.stringValue)
            let made = try await stage.showrunner(
                "accounts", "token", "--account", "axe", "--profile", "main", "--json")
            let bearer = try #require(try JSON(parsing: made.output)["token"]?.stringValue)
            try await Browser.use { browser in
                for (name, hash, condition) in [
                    ("catalogue", "/", "document.querySelector('.grid .card')"),
                    ("title", "/titles/\(id)", "document.querySelector('video')?.readyState >= 1"),
                    ("no-title", "/titles/none", "document.querySelector('.notice h1')"),
                    ("sign-in", "/sign-in", "document.querySelector('#access-token')"),
                    ("home", "/", "document.querySelector('.row .card')"),
                ] {
                    if name == "home" {
                        _ = try await browser.evaluate(
                            "localStorage.setItem('showrunner.token', arguments[0])", .string(bearer))
                    }
                    try await browser.open("\(stage.viewerURL)/?\(name)#\(hash)")
                    try await browser.wait(until: condition)
                    for (scheme, width) in [("dark", 360), ("light", 1280)] {
                        try await browser.look(scheme, width: width)
                        try await browser.screenshot("viewer-\(name)-\(scheme)-\(width)")
                        #expect(try await browser.isAsWideAsItsWindow(), "\(name) is wider than \(width) pixels")
                        try await browser.expectAccessible("\(name), \(scheme), \(width) pixels", axe)
                    }
                    if name == "title" {
                        try await browser.click("button.start")
                        try await browser.wait(until: "document.querySelector('video').currentTime > 0.3")
                        try await browser.expectAccessible("the player", axe)
                    }
                }
            }
        }
    }
}
