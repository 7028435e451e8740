import Engine
import HTTPServer
import Hummingbird
import JSON
import Testing

@testable import Console

/// What the pages do with answers that come late, or never, and what stays where it is when they come.
extension ConsolePageTests {
    /// A page whose answers come when the script lets them.
    private static let answersHeldBack = """
        import { RefreshedPage } from "/console/assets/refreshed-page.js";
        const asked = [];
        class HeldPage extends RefreshedPage {
            connectedCallback() { this.begin("/held", "It could not be loaded"); this.append(this.content); }
            load() { return new Promise((answer, refuse) => asked.push({ answer, refuse })); }
            show({ words }) { this.content.replaceChildren(words); }
        }
        customElements.define("held-page", HeldPage);
        const page = document.createElement("held-page");

        """

    /// As after an order: what it changed is asked for while an answer from before is still under way.
    @Test(.needsChromium, arguments: ["answer({ words: 'before' })", "refuse(new Error('before'))"])
    func anAnswerThatOthersOvertookIsNotShown(_ late: String) async throws {
        let script =
            Self.streams + Self.timersHeldBack + Self.answersHeldBack + """
                document.body.append(page);
                const newer = page.refresh();
                asked[1].answer({ words: "after" });
                await newer;
                asked[0].\(late);
                await new Promise((done) => later(done, 50));
                document.body.setAttribute("data-result", `${page.textContent}, asked again ${due.length} times`);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="after, asked again 1 times""#), "\(document.prefix(6000))")
    }

    /// What an operator has come to, folded or is about to press stays where it is when counts move.
    @Test(.needsChromium) func aTriggerThatIsToldOfMoreKeepsFocusAndFolds() async throws {
        let detail = RecordedTriggers.detail
        var later = detail
        later["Counts"] = ["Started": 13]
        let router = ServiceRouter()
        router.addConsoleRoutes(runs: RecordedRuns(recordings.day), maximumStreams: 0)
        answer("/console/api/triggers/partner-films", [{ detail }, { [later] in later }], router)
        let script =
            Self.streams + """
                import "/console/assets/triggers-page.js";
                const page = document.createElement("trigger-page");
                page.setAttribute("trigger", "partner-films");
                document.body.append(page);
                await until(() => page.querySelector("details") && page.querySelector(".part a[href*=partner-films]"));
                page.querySelector("details").open = false;
                page.querySelector(".part a[href*=partner-films]").focus();
                await page.refresh();
                await until(() => page.textContent.includes("13 started"));
                const onLink = document.activeElement.getAttribute("href")?.includes("partner-films");
                document.body.setAttribute("data-result", [onLink, page.querySelector("details").open]);
                """
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="true,false""#), "\(document.prefix(6000))")
    }

    /// An engine that is frozen, or a line that is cut, answers nothing and refuses nothing.
    @Test(.needsChromium, arguments: ["GET", "POST"])
    func anEngineThatSaysNothingIsNotWaitedForForEver(_ method: String) async throws {
        let script = """
            import { request } from "/console/assets/live.js";
            const timers = [];
            window.setTimeout = (action) => { timers.push(action); return 0; };
            window.fetch = (path, { signal }) => new Promise((_, refuse) =>
                signal.addEventListener("abort", () => refuse(signal.reason)));
            const own = new AbortController();
            const page = new AbortController();
            const answer = request("/console/api/runs", { method: "\(method)", signal: page.signal }).catch((problem) => problem);
            timers.forEach((action) => action());
            const left = request("/console/api/runs", { signal: own.signal }).catch((problem) => problem);
            own.abort();
            document.body.setAttribute("data-result", `${(await answer).detail} ${(await left).name}`);
            """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        let words =
            method == "GET"
            ? "It may be restarting; nothing is lost by that." : "Look whether it was done before you repeat it."
        #expect(
            document.contains("data-result=\"The engine has not answered for 30 seconds. \(words) AbortError\""),
            "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func aStreamThatFallsSilentIsOpenedAgain() async throws {
        let script =
            Self.streams + """
                import { listen } from "/console/assets/live.js";
                const connection = document.createElement("span");
                connection.className = "connection";
                document.body.append(connection);
                // Timers of half a minute and more run when the script says so.
                const alarms = new Map();
                const [later, forget] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
                window.setTimeout = (action, time) => {
                    if (!(time >= 30000)) return later(action, time);
                    const alarm = {};
                    alarms.set(alarm, action);
                    return alarm;
                };
                window.clearTimeout = (timer) => { if (!alarms.delete(timer)) forget(timer); };
                listen("/events", { run() {} }, new AbortController().signal);
                await until(() => connection.dataset.state === "live");
                window.streams[0].say("alive");
                window.streams[0].say("run", {});
                const result = [alarms.size];
                alarms.forEach((action) => action());
                result.push(connection.dataset.state);
                await until(() => window.streams.length === 2 && connection.dataset.state === "live");
                window.streams[1].say("end");
                result.push(alarms.size);
                document.body.setAttribute("data-result", result);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="1,lost,0""#), "\(document.prefix(6000))")
    }
}
