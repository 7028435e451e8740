import Engine
import HTTPServer
import Hummingbird
import Interpreter
import JSON
import Synchronization
import Testing

@testable import Console

/// What the pages do when an engine is slow, away or comes back.
extension ConsolePageTests {
    /// A page of the test's own, whose script uses the console's.
    func shown(script: String, _ router: ServiceRouter) async throws -> String {
        let page = "<!doctype html><title>Test</title><body><script type=module src=/test.js></script>"
        router.get("/test") { request, _ in
            ReadyBody(bytes: Array(page.utf8), contentType: "text/html", entityTag: "page").response(to: request)
        }
        router.get("/test.js") { request, _ in
            ReadyBody(bytes: Array(script.utf8), contentType: "text/javascript", entityTag: "script")
                .response(to: request)
        }
        return try await shown("/test", router)
    }

    /// Answers the calls of a path one after the other, and all that follow like the last.
    func answer(_ path: String, _ answers: [@Sendable () throws -> JSON], _ router: ServiceRouter) {
        let calls = Calls()
        router.get(.init(path)) { _, _ in Response.fresh(try answers[min(calls.next(), answers.count - 1)]()) }
    }

    private final class Calls: Sendable {
        private let count = Mutex(0)

        /// 0, 1, 2 and so on.
        func next() -> Int {
            count.withLock { count in
                defer { count += 1 }
                return count
            }
        }
    }

    /// Event streams that say what the script makes them say.
    static let streams = """
        // The time that Chromium pretends to pass waits for timers, not for frames.
        window.requestAnimationFrame = (paint) => setTimeout(() => paint(performance.now()));
        window.cancelAnimationFrame = (number) => clearTimeout(number);
        window.streams = [];
        window.EventSource = class {
            handlers = {};
            constructor() { window.streams.push(this); setTimeout(() => this.say("open")); }
            addEventListener(name, handler) { (this.handlers[name] ??= []).push(handler); }
            say(name, data) { for (const handler of this.handlers[name] ?? []) handler({ data: JSON.stringify(data) }); }
            close() {}
        };
        const until = async (holds) => { while (!holds()) await new Promise((done) => setTimeout(done, 20)); };

        """

    /// One without tasks asks for some every twenty seconds, and says nothing in between.
    @Test(.needsChromium) func aWorkerThatWaitsIsNotSilent() async throws {
        let script = """
            import { isSilent } from "/console/assets/workers-page.js";
            const worker = (tasks) => ({ lastSeen: "2026-11-28T10:00:00Z", tasks });
            const after = (seconds, tasks) => isSilent(worker(tasks), Date.UTC(2026, 10, 28, 10, 0, seconds));
            document.body.textContent = JSON.stringify([after(30, []), after(61, []), after(5, [{}]), after(30, [{}])]);
            """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains("[false,true,false,true]"), "\(document)")
    }

    @Test(.needsChromium) func anAnswerThatBreaksOffIsSaidToHaveDone() async throws {
        let router = ServiceRouter()
        router.addConsolePages()
        router.addRecordedTriggers()
        router.get("/console/api/runs") { request, _ in
            ReadyBody(bytes: Array(#"{"items": ["#.utf8), contentType: "application/json", entityTag: "half")
                .response(to: request)
        }
        let document = try await shown("/console/", router)
        #expect(document.contains("answer broke off") && !document.contains("TypeError"), "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func aPageThatCouldNotBeLoadedIsAskedForAgain() async throws {
        let router = ServiceRouter()
        router.addConsolePages()
        answer(
            "/console/api/workers",
            [{ throw Problem.unavailable("The engine starts.", retryAfter: 1) }, { ["workers": []] }], router)
        let document = try await shown("/console/workers", router)
        #expect(document.contains("No worker has reported") && !document.contains("The engine starts."), "\(document)")
    }

    @Test(.needsChromium) func whatARunIsNoMoreIsNotShownAnyMore() async throws {
        var detail = recordings.running
        detail.run.stuck = "Transcode stands still."
        detail.usage = recordings.succeeded.usage
        detail.origin = ExecutionOrigin(kind: .trigger, name: "partner")
        let path = "/console/api/runs/\(detail.run.id)"
        let script =
            Self.streams + """
                import "/console/assets/run-page.js";
                const page = document.createElement("run-page");
                page.setAttribute("run", "\(detail.run.id)");
                document.body.append(page);
                await until(() => page.textContent.includes("stands still"));
                const detail = await (await fetch("\(path)")).json();
                const { stuck, origin, input, definition, states, usage, traceId, ...run } = detail;
                window.streams[0].say("run", { run: { ...run, error: "Disk.Full" }, states: [] });
                await until(() => !page.textContent.includes("stands still"));
                document.body.setAttribute("data-result",
                    ["trigger partner", "Input of the run", "processor time", "What it took"].filter((words) =>
                        page.textContent.includes(words)));
                """
        let router = ServiceRouter()
        router.addConsoleRoutes(runs: RecordedRuns([detail]), maximumStreams: 0)
        let document = try await shown(script: script, router)
        #expect(
            document.contains(#"data-result="trigger partner,Input of the run,processor time,What it took""#),
            "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func theEndOfARunIsAskedForUntilItIsKnown() async throws {
        let running = recordings.running
        var ended = running
        ended.run.status = .succeeded
        ended.output = ["titleId": "elf"]
        let router = ServiceRouter()
        router.addConsolePages()
        answer(
            "/console/api/runs/\(running.run.id)",
            [
                { RunDocument.json(running) }, { throw Problem.unavailable("The engine starts.", retryAfter: 1) },
                { [ended] in RunDocument.json(ended) },
            ], router)
        let script =
            Self.streams + """
                import "/console/assets/run-page.js";
                const page = document.createElement("run-page");
                page.setAttribute("run", "\(running.run.id)");
                document.body.append(page);
                await until(() => window.streams.length > 0);
                window.streams[0].say("end", {});
                await until(() => page.textContent.includes("Output of the run"));
                document.body.setAttribute("data-result", "whole");
                """
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="whole""#), "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func ofManyItemsThoseThatNeedALookAreShownAndTheLastOnes() async throws {
        var detail = recordings.succeeded
        detail.states = [
            StateEntryView(
                entry: 1, name: "Items", type: "Map", status: .succeeded, enteredAtMicroseconds: 0,
                exitedAtMicroseconds: 9)
        ]
        for item in 0..<70 {
            detail.states.append(
                StateEntryView(
                    entry: 2 + item, name: "One", type: "Pass", path: "Items[\(item)]",
                    status: item == 5 ? .caught : .succeeded, enteredAtMicroseconds: 1, exitedAtMicroseconds: 2))
        }
        let router = ServiceRouter()
        router.addConsoleRoutes(runs: RecordedRuns([detail]), maximumStreams: 0)
        let document = try await shown("/console/runs/\(detail.run.id)", router)
        for words in ["[5]", "[69]", "[11]", "10 more, all done"] {
            #expect(document.contains(words), "\(words) in \(document.prefix(6000))")
        }
        #expect(!document.contains("[10]"))
    }

    /// Definitions are answered when the script lets them.
    private static let definitionsHeldBack = """
        import "/console/assets/machine-page.js";
        const held = new Map();
        const fetched = window.fetch;
        window.fetch = (path, options) => {
            if (!path.endsWith("/definition")) return fetched(path, options);
            const answer = fetched(path, options);
            return new Promise((done) => held.set(decodeURIComponent(path).split("/").at(-2).split(":").at(-1),
                async () => { done(await answer); await new Promise((later) => setTimeout(later, 100)); }));
        };
        const page = document.createElement("machine-page");
        page.setAttribute("machine", "ingest");
        const open = async (version) => {
            history.replaceState(null, "", `?version=${version}`);
            page.addressChanged();
            await until(() => held.has(version));
        };

        """

    /// What pages of machines and triggers ask for.
    func machineRouter() -> ServiceRouter {
        let router = ServiceRouter()
        let runs = RecordedRuns(recordings.day)
        router.addConsoleRoutes(runs: runs, maximumStreams: 0)
        router.addMachineRoutes(machines: RecordedMachines(), runs: runs)
        router.addScheduleRoutes(schedules: RecordedSchedules())
        router.addRecordedTriggers()
        return router
    }

    private func shownMachine(script: String) async throws -> String {
        try await shown(script: Self.streams + script, machineRouter())
    }

    @Test(.needsChromium) func aDefinitionThatIsNoLongerLookedAtDoesNotFail() async throws {
        let document = try await shownMachine(
            script: Self.definitionsHeldBack + """
                document.body.append(page);
                await until(() => page.machine);
                await open("7");
                await open("1");
                await held.get("1")();
                await held.get("7")();
                document.body.setAttribute("data-result",
                    ["Version 1 is shown", "could not be loaded"].filter((words) => page.textContent.includes(words)));
                """)
        #expect(document.contains(#"data-result="Version 1 is shown""#), "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func aVersionThatTheMachineIsNotKnownToHaveIsNotItsCurrentDefinition() async throws {
        let document = try await shownMachine(
            script: Self.definitionsHeldBack + """
                document.body.append(page);
                await until(() => page.machine);
                page.machine.versions = [];
                await open("1");
                await held.get("1")();
                document.body.setAttribute("data-result", page.whichVersion.hidden ? "hidden" : page.whichVersion.textContent);
                """)
        #expect(document.contains(#"data-result="Version 1 is shown. "#), "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func partsOfAMachineThatCouldNotBeLoadedAreToldOnceAndComeBack() async throws {
        let document = try await shownMachine(
            script: """
                import "/console/assets/machine-page.js";
                let isUp = false;
                let refused = 0;
                const fetched = window.fetch;
                window.fetch = (path, options) => {
                    if (isUp || path === "/console/api/machines/ingest") return fetched(path, options);
                    refused += 1;
                    return Promise.reject(new TypeError("Failed to fetch"));
                };
                const page = document.createElement("machine-page");
                page.setAttribute("machine", "ingest");
                document.body.append(page);
                const notices = () => [...page.querySelectorAll(".failure")];
                await until(() => notices().length === 3);
                const told = notices();
                told[2].querySelector("button").focus();
                const before = refused;
                await page.refresh();
                await until(() => refused >= before + 4);
                await new Promise((later) => setTimeout(later, 50));
                const result = [told.every((notice) => notice.isConnected), document.activeElement === told[2].querySelector("button")];
                isUp = true;
                await page.refresh();
                await until(() => notices().length === 0 && page.querySelector("run-graph a"));
                document.body.setAttribute("data-result", [...result, "back"]);
                """)
        #expect(document.contains(#"data-result="true,true,back""#), "\(document.prefix(6000))")
    }

    /// Timers of a second and more run when the script says so; but for those that wait for answers.
    static let timersHeldBack = """
        let due = [];
        const [later, forget] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
        window.setTimeout = (action, time, ...rest) => {
            if (!(time >= 1000 && time < 30000)) return later(action, time, ...rest);
            due.push(action);
            return action;
        };
        window.clearTimeout = (timer) => {
            if (typeof timer !== "function") return forget(timer);
            due = due.filter((action) => action !== timer);
        };

        """

    @Test(.needsChromium) func aRunThatCouldNotBeLoadedIsAskedForAgain() async throws {
        let running = recordings.running
        let router = ServiceRouter()
        router.addConsolePages()
        let away: @Sendable () throws -> JSON = { throw Problem.unavailable("The engine starts.", retryAfter: 1) }
        answer(
            "/console/api/runs/\(running.run.id)", [away, away, { RunDocument.json(running) }], router)
        let script =
            Self.streams + Self.timersHeldBack + """
                import "/console/assets/run-page.js";
                const page = document.createElement("run-page");
                page.setAttribute("run", "\(running.run.id)");
                document.body.append(page);
                await until(() => page.querySelector(".failure"));
                const told = page.querySelector(".failure");
                await until(() => due.length > 0);
                due.splice(0).forEach((action) => action());
                await until(() => due.length > 0);
                const isToldOnce = told.isConnected;
                due.splice(0).forEach((action) => action());
                await until(() => page.textContent.includes("Input of the run"));
                document.body.setAttribute("data-result", `${isToldOnce} ${page.querySelector(".failure") === null}`);
                """
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="true true""#), "\(document.prefix(6000))")
    }

    @Test(.needsChromium, arguments: [true, false])
    func aRunThatIsGoneIsNotAskedForForEver(_ hasAgedOut: Bool) async throws {
        let running = recordings.running
        let router = ServiceRouter()
        router.addConsolePages()
        let problem = Problem(
            "gone", status: hasAgedOut ? .notFound : .forbidden, title: "Gone", detail: "Not for you, or not any more.")
        answer("/console/api/runs/\(running.run.id)", [{ RunDocument.json(running) }, { throw problem }], router)
        let script =
            Self.streams + Self.timersHeldBack + """
                import "/console/assets/run-page.js";
                let answers = 0;
                const fetched = window.fetch;
                window.fetch = async (path, options) => {
                    const answer = await fetched(path, options);
                    if (path.endsWith("\(running.run.id)")) answers += 1;
                    return answer;
                };
                const page = document.createElement("run-page");
                page.setAttribute("run", "\(running.run.id)");
                document.body.append(page);
                await until(() => window.streams.length > 0);
                const before = due.length;
                window.streams[0].say("end", {});
                await until(() => answers === 2);
                await new Promise((done) => later(done, 100));
                document.body.setAttribute("data-result", `${due.length - before} ${page.textContent.includes("Input of the run")}`);
                """
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="0 true""#), "\(document.prefix(6000))")
    }

    @Test(.needsChromium, arguments: [500, 404])
    func anEntryThatCouldNotBeLoadedIsNotAskedForWithEachEvent(_ status: Int) async throws {
        let script =
            Self.streams + Self.timersHeldBack + """
                import "/console/assets/state-panel.js";
                let asked = 0;
                window.fetch = async () => {
                    asked += 1;
                    return asked === 1 ? Response.json({ detail: "Not now." }, { status: \(status) })
                        : Response.json({ input: { film: "elf" }, output: null });
                };
                const panel = document.createElement("state-panel");
                document.body.append(panel);
                const paint = () => panel.show("run", { entry: 1, name: "A", type: "Pass", path: "", status: "succeeded", attempts: 0,
                    enteredAt: "2026-11-28T10:00:00Z", exitedAt: "2026-11-28T10:00:01Z", payloadsOmitted: true });
                paint();
                await until(() => panel.textContent.includes("Not now."));
                paint();
                await new Promise((done) => later(done, 50));
                paint();
                const result = [asked, due.length];
                due.splice(0).forEach((action) => action());
                if (result[1] > 0) await until(() => panel.textContent.includes("elf"));
                document.body.setAttribute("data-result", result);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains("data-result=\"1,\(status == 404 ? 0 : 1)\""), "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func figuresOfMachinesSayNoMoreThanIsKnown() async throws {
        let script = """
            import { failureRate, tally } from "/console/assets/machine-figures.js";
            const rates = [0, 0.0004, 0.021, 0.5, 0.9949, 0.996, 0.9996, 1].map((share) => failureRate({ failureRate: share }));
            const counts = [[6000, 5000], [10000, 1], [1, 10000]].map(([failed, timedOut]) =>
                tally({ running: 0, succeeded: 0, failed, timedOut, aborted: 0 }, 10000).textContent.match(/[\\d,]+\\+?(?= failed)/)[0]);
            document.body.textContent = JSON.stringify([rates, counts]);
            """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        let rates = #"["0 %","&lt; 0.1 %","2.1 %","50 %","99.5 %","99.6 %","&gt; 99.9 %","100 %"]"#
        #expect(document.contains(#"[\#(rates),["11,000","10,001+","10,001+"]]"#), "\(document)")
    }

    @Test(.needsChromium) func whatSomebodyIsAskedIsAskedForAgain() async throws {
        let script =
            Self.streams + Self.timersHeldBack + """
                import "/console/assets/state-panel.js";
                let asked = 0;
                window.fetch = async (path) => {
                    if (!path.endsWith("/question")) return Response.json({ waits: [] });
                    asked += 1;
                    return asked === 1 ? Response.json({ detail: "Not now." }, { status: 503 })
                        : Response.json({ parameters: { question: "May it go out?" } });
                };
                const panel = document.createElement("state-panel");
                document.body.append(panel);
                const paint = () => panel.show("run", { entry: 1, name: "A", type: "Task", path: "", status: "waiting", attempts: 1,
                    enteredAt: "2026-11-28T10:00:00Z", taskToken: "token" });
                paint();
                await until(() => panel.textContent.includes("Not now."));
                paint();
                const before = asked;
                due.splice(0).forEach((action) => action());
                await until(() => panel.textContent.includes("May it go out?"));
                document.body.setAttribute("data-result", [before, asked]);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="1,2""#), "\(document.prefix(6000))")
    }

    /// However often an operator has come back to it meanwhile.
    @Test(.needsChromium) func whatSomebodyIsAskedIsAskedForOnceAtATime() async throws {
        let script =
            Self.streams + Self.timersHeldBack + """
                import "/console/assets/state-panel.js";
                let asked = 0;
                window.fetch = async (path) => {
                    if (!path.endsWith("/question")) return Response.json({});
                    asked += 1;
                    return Response.json({ detail: `Not now: ${asked}.` }, { status: 503 });
                };
                const panel = document.createElement("state-panel");
                document.body.append(panel);
                const paint = (entry) => panel.show("run", { entry, name: "A", type: "Task", path: "", status: "running", attempts: 1,
                    enteredAt: "2026-11-28T10:00:00Z", taskToken: `token ${entry}` });
                paint(1);
                await until(() => panel.textContent.includes("Not now: 1."));
                paint(2);
                await until(() => panel.textContent.includes("Not now: 2."));
                paint(1);
                await until(() => panel.textContent.includes("Not now: 3."));
                const result = [due.length];
                due.splice(0).forEach((action) => action());
                await until(() => panel.textContent.includes("Not now: 4."));
                await new Promise((done) => later(done, 50));
                document.body.setAttribute("data-result", [...result, asked]);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="1,4""#), "\(document.prefix(6000))")
    }
}
