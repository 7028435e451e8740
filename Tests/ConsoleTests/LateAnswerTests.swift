import Engine
import HTTPServer
import Hummingbird
import JSON
import Testing

@testable import Console

/// What the pages do with answers that come late, and what stays where it is when they come.
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

    /// What a page shows beside its document: where it is asked for, and an answer that has the words.
    static let parts = [
        (
            "trigger-page", "trigger", "partner-films", "/console/api/runs",
            "({ items: [{ id: words, title: words, name: 'partner-films-0123456789abcdef', status: 'SUCCEEDED', startDate: 0 }] })"
        ),
        (
            "machine-page", "machine", "ingest", "/console/api/runs",
            "({ items: [{ id: words, title: words, name: words, machine: 'ingest', status: 'SUCCEEDED', startDate: 0 }] })"
        ),
        (
            "machine-page", "machine", "ingest", "/console/api/schedules",
            "({ Schedules: [{ Name: words, Target: 'ingest', Running: [] }] })"
        ),
    ]

    @Test(.needsChromium, arguments: parts, [true, false])
    func aPartThatAnotherLookOvertookIsNotShown(
        _ part: (page: String, attribute: String, name: String, path: String, answer: String), _ isRefused: Bool
    ) async throws {
        let script =
            Self.streams + Self.timersHeldBack + """
                import "/console/assets/machine-page.js";
                import "/console/assets/triggers-page.js";
                const held = [];
                const fetched = window.fetch;
                window.fetch = (path, options) => path.split("?")[0] !== "\(part.path)" ? fetched(path, options)
                    : new Promise((answer) => held.push((words) =>
                        answer(words ? Response.json(\(part.answer)) : Response.json({ detail: "Not then." }, { status: 503 }))));
                const page = document.createElement("\(part.page)");
                page.setAttribute("\(part.attribute)", "\(part.name)");
                document.body.append(page);
                await until(() => held.length === 1);
                const result = [due.length];
                page.refresh();
                await until(() => held.length === 2);
                held[1]("the newer");
                await until(() => page.textContent.includes("the newer"));
                held[0](\(isRefused ? "undefined" : "'the older'"));
                await new Promise((done) => later(done, 50));
                result.push(...["the newer", "the older", "Not then."].filter((words) => page.textContent.includes(words)), due.length);
                document.body.setAttribute("data-result", result);
                """
        let document = try await shown(script: script, machineRouter())
        #expect(document.contains(#"data-result="0,the newer,1""#), "\(document.prefix(6000))")
    }

    /// The second of what is alike, by its address or its words.
    @Test(.needsChromium, arguments: ["a[href]", "summary"])
    func whatIsMadeAnewKeepsItsFocusAmongItsLike(_ kind: String) async throws {
        let script =
            Self.streams + Self.timersHeldBack + Self.answersHeldBack + """
                page.show = ({ words }) => {
                    page.content.innerHTML = ["one", "two"].map((name) => `<section id="${name}"><p>${words}</p>
                        <a href="/console/runs/elf">elf</a><details><summary>Input</summary></details></section>`).join("");
                };
                document.body.append(page);
                asked[0].answer({ words: "before" });
                await until(() => page.textContent.includes("before"));
                page.querySelector("#two \(kind)").focus();
                const again = page.refresh();
                asked[1].answer({ words: "after" });
                await again;
                const { activeElement: focused } = document;
                document.body.setAttribute("data-result", [page.textContent.includes("after"), focused.closest("section")?.id, focused.matches("\(kind)")]);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="true,two,true""#), "\(document.prefix(6000))")
    }

    /// Escape closes a dialog also while the engine thinks about its order.
    @Test(.needsChromium, arguments: [true, false])
    func aRefusalIsSeenAlsoWhereTheDialogWasLeft(_ isRefused: Bool) async throws {
        let script =
            Self.streams + """
                import { askFor } from "/console/assets/dialogs.js";
                let answer;
                window.fetch = () => new Promise((done) => { answer = done; });
                askFor({ title: "Stop elf?", words: "The run ends.", button: "Stop the run", path: "/stop" });
                const dialog = () => document.querySelector("dialog");
                // The browser tells it with a frame, for which its virtual time does not wait.
                const leave = (left) => { left?.close(); left?.dispatchEvent(new Event("close")); };
                dialog().querySelector("[type=submit]").click();
                leave(dialog());
                const isGone = !dialog();
                answer(\(isRefused ? "Response.json({ detail: 'It has ended.' }, { status: 409 })" : "Response.json({})"));
                await new Promise((done) => setTimeout(done, 50));
                const result = [isGone, dialog()?.matches(":modal"), dialog()?.querySelector(".problem").textContent, dialog()?.querySelector("[type=submit]").disabled];
                leave(dialog());
                document.body.setAttribute("data-result", [...result, !dialog()]);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(
            document.contains("data-result=\"\(isRefused ? "true,true,It has ended.,false,true" : "true,,,,true")\""),
            "\(document.prefix(6000))")
    }
}
