import HTTPServer
import Testing

@testable import Console

/// What the pages do with an engine that is frozen, or a line that is cut: it answers nothing and refuses nothing.
extension ConsolePageTests {
    /// Timers of half a minute and more run when the script says so, all others soon.
    private static let alarmsHeldBack = """
        const alarms = new Map();
        const [later, forget] = [window.setTimeout.bind(window), window.clearTimeout.bind(window)];
        window.setTimeout = (action, time) => {
            if (!(time >= 30000)) return later(action, Math.min(time, 20));
            const alarm = {};
            alarms.set(alarm, { action, seconds: time / 1000 });
            return alarm;
        };
        window.clearTimeout = (timer) => { if (!alarms.delete(timer)) forget(timer); };
        const sound = () => {
            const sounding = [...alarms.values()];
            alarms.clear();
            sounding.forEach(({ action }) => action());
        };

        """

    /// A page that says how its stream is, and listens to it.
    private static let listening = """
        import { listen } from "/console/assets/live.js";
        const connection = document.createElement("span");
        connection.className = "connection";
        document.body.append(connection);
        listen("/events", { run() {} }, new AbortController().signal);
        const openAgain = async (count) => { await until(() => window.streams.length === count && connection.dataset.state === "live"); };
        await openAgain(1);

        """

    @Test(.needsChromium, arguments: ["GET", "POST"])
    func anEngineThatSaysNothingIsNotWaitedForForEver(_ method: String) async throws {
        let script =
            Self.alarmsHeldBack + """
                import { request } from "/console/assets/live.js";
                window.fetch = (path, { signal }) => new Promise((_, refuse) =>
                    signal.addEventListener("abort", () => refuse(signal.reason)));
                const own = new AbortController();
                const page = new AbortController();
                const answer = request("/console/api/runs", { method: "\(method)", signal: page.signal }).catch((problem) => problem);
                sound();
                const left = request("/console/api/runs", { signal: own.signal }).catch((problem) => problem);
                own.abort();
                document.body.setAttribute("data-result", `${(await answer).detail} ${(await left).name}`);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(
            document.contains("data-result=\"\(Self.silenceWords(method)) AbortError\""), "\(document.prefix(6000))")
    }

    private static func silenceWords(_ method: String) -> String {
        "The engine has not answered for 30 seconds. "
            + (method == "GET"
                ? "It may be restarting; nothing is lost by that." : "Look whether it was done before you repeat it.")
    }

    /// What is big has half a minute more, from its head on, over a slow line.
    @Test(.needsChromium, arguments: ["GET", "POST"])
    func anAnswerThatIsCutInTheMiddleIsNotWaitedForForEver(_ method: String) async throws {
        let script =
            Self.streams + Self.alarmsHeldBack + """
                import { request } from "/console/assets/live.js";
                let send;
                window.fetch = (path, { signal }) => new Promise((answer) => {
                    // Without a stream: the browser's virtual time stands still while one is open.
                    send = () => answer({ ok: true, status: 200, json: () => new Promise((_, refuse) =>
                        signal.addEventListener("abort", () => refuse(signal.reason))) });
                });
                const answer = request("/console/api/runs", { method: "\(method)" }).catch((problem) => problem);
                const [first] = alarms.keys();
                send();
                await until(() => !alarms.has(first));
                await new Promise((done) => later(done, 50));
                const result = [alarms.size];
                sound();
                const left = new AbortController();
                const leaving = request("/console/api/runs", { signal: left.signal }).catch((problem) => problem);
                send();
                await new Promise((done) => later(done, 50));
                left.abort();
                result.push((await answer).detail, (await leaving).name, alarms.size);
                document.body.setAttribute("data-result", result.join(" "));
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(
            document.contains("data-result=\"1 \(Self.silenceWords(method)) AbortError 0\""), "\(document.prefix(6000))"
        )
    }

    @Test(.needsChromium) func aStreamThatFallsSilentIsOpenedAgain() async throws {
        let script =
            Self.streams + Self.alarmsHeldBack + Self.listening + """
                window.streams[0].say("alive");
                window.streams[0].say("run", {});
                const result = [alarms.size];
                sound();
                result.push(connection.dataset.state);
                await openAgain(2);
                window.streams[1].say("end");
                result.push(alarms.size);
                document.body.setAttribute("data-result", result);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="1,lost,0""#), "\(document.prefix(6000))")
    }

    /// A browser has six connections to a host: with checks that wait in all of them, nothing leaves it any more.
    @Test(.needsChromium) func whetherTheSessionHoldsIsAskedOnceAtATime() async throws {
        let script =
            Self.streams + Self.alarmsHeldBack + """
                let asked = 0;
                const silences = [];
                AbortSignal.timeout = (time) => {
                    const silence = new AbortController();
                    if (time === 30000) silences.push(silence);
                    return silence.signal;
                };
                window.fetch = (path, { signal }) => {
                    asked += 1;
                    return new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(signal.reason)));
                };

                """ + Self.listening + """
                const lose = async (how) => {
                    const count = window.streams.length;
                    how(window.streams.at(-1));
                    await openAgain(count + 1);
                    return asked;
                };
                const result = [await lose((stream) => { stream.say("alive"); sound(); })];
                result.push(await lose((stream) => stream.say("error")), await lose((stream) => stream.say("error")));
                silences.splice(0).forEach((silence) => silence.abort());
                await new Promise((done) => later(done, 50));
                result.push(await lose((stream) => stream.say("error")));
                document.body.setAttribute("data-result", result);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="0,1,1,2""#), "\(document.prefix(6000))")
    }

    /// Not every engine says so, and a first event that is big is long on its way.
    @Test(.needsChromium) func aStreamIsWatchedOnceItSaysThatItLives() async throws {
        let script =
            Self.streams + Self.alarmsHeldBack + Self.listening + """
                const result = [alarms.size];
                window.streams[0].say("run", {});
                result.push(alarms.size);
                window.streams[0].say("alive");
                result.push(alarms.size);
                sound();
                await openAgain(2);
                result.push(alarms.size);
                window.streams[1].say("run", {});
                result.push(alarms.size);
                window.streams[1].say("alive");
                result.push(alarms.size);
                document.body.setAttribute("data-result", result);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="0,0,1,0,0,1""#), "\(document.prefix(6000))")
    }

    @Test(.needsChromium) func anEngineThatStaysSilentIsAskedLessAndLess() async throws {
        let script =
            Self.streams.replacing("setTimeout(() => this.say(\"open\"));", with: "") + Self.alarmsHeldBack + """
                import { listen } from "/console/assets/live.js";
                listen("/events", { run() {} }, new AbortController().signal);
                const result = [];
                const silences = async (count) => {
                    for (let silence = 0; silence < count; silence += 1) {
                        await until(() => alarms.size === 1);
                        result.push([...alarms.values()][0].seconds);
                        const opened = window.streams.length;
                        sound();
                        await until(() => window.streams.length > opened);
                    }
                };
                window.streams[0].say("open");
                window.streams[0].say("alive");
                await silences(2);
                window.streams.at(-1).say("open");
                window.streams.at(-1).say("run", {});
                window.streams.at(-1).say("alive");
                await silences(2);
                document.body.setAttribute("data-result", result);
                """
        let router = ServiceRouter()
        router.addConsolePages()
        let document = try await shown(script: script, router)
        #expect(document.contains(#"data-result="45,90,45,90""#), "\(document.prefix(6000))")
    }
}
