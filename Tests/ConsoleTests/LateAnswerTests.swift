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
}
