import Foundation
import HTTP
import JSON
import Testing

/// Headless Chromium, driven by chromedriver over WebDriver (W3C Recommendation, https://www.w3.org/TR/webdriver1/).
final class Browser: Sendable {
    private let driver: Program
    private let base: String
    private let session: String
    private static let http = HTTPClient()
    /// The name under which an element's reference stands (section 11 of the recommendation).
    private static let elementIdentifier = "element-6066-11e4-a52e-4f735466cecf"

    static let isInstalled = ["/usr/bin/chromium", "/usr/bin/chromedriver"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Runs `body` with a browser of its own.
    static func use(_ body: (Browser) async throws -> Void) async throws {
        let port = FreePorts.neighbours(1)
        let driver = try Program(
            "/usr/bin/chromedriver", ["--port=\(port)"], logs: Workplace.path, name: "chromedriver-\(port)")
        let base = "http://127.0.0.1:\(port)"
        let result: Result<Void, any Error>
        do {
            try await eventually("chromedriver") {
                do {
                    return try await http.send(HTTPRequest("GET", "\(base)/status")).status == 200
                } catch {
                    return false
                }
            }
            let browser = try await Browser(driver, base)
            do {
                try await body(browser)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            _ = try await Browser.send("DELETE", "\(base)/session/\(browser.session)", nil)
        } catch {
            await driver.stop()
            throw error
        }
        await driver.stop()
        try result.get()
    }

    private init(_ driver: Program, _ base: String) async throws {
        self.driver = driver
        self.base = base
        var arguments: [JSON] = [
            "--headless=new", "--disable-gpu", "--no-proxy-server", "--window-size=1280,900", "--mute-audio",
            "--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage",
            .string("--user-data-dir=\(Workplace.file("chromium"))"),
        ]
        // Chromium's own sandbox refuses to be root's.
        if geteuid() == 0 { arguments.append("--no-sandbox") }
        let answer = try await Self.send(
            "POST", "\(base)/session",
            [
                "capabilities": [
                    "alwaysMatch": [
                        "browserName": "chrome", "goog:chromeOptions": ["args": .array(arguments)],
                        "goog:loggingPrefs": ["browser": "ALL"],
                    ]
                ]
            ])
        session = try #require(answer["sessionId"]?.stringValue)
    }

    private static func send(_ method: String, _ url: String, _ body: JSON?) async throws -> JSON {
        let response = try await http.send(
            HTTPRequest(
                method, url, headers: ["Content-Type": "application/json"],
                body: body.map { .bytes($0.utf8) } ?? .none, timeouts: HTTPTimeouts(total: .seconds(120))))
        let answer = try JSON(parsing: response.body)["value"] ?? .null
        guard response.status == 200 else { throw TooLate(description: "WebDriver: \(answer.text.prefix(1500))") }
        return answer
    }

    private func command(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> JSON {
        try await Self.send(method, "\(base)/session/\(session)/\(path)", body)
    }

    func open(_ url: String) async throws { _ = try await command("POST", "url", ["url": .string(url)]) }

    /// Runs JavaScript in the page; what it returns comes back.
    func evaluate(_ script: String, _ arguments: JSON...) async throws -> JSON {
        try await command("POST", "execute/sync", ["script": .string(script), "args": .array(arguments)])
    }

    /// Runs JavaScript that may wait; what it returns comes back.
    func evaluateAsync(_ script: String) async throws -> JSON {
        let whole = """
            const done = arguments[arguments.length - 1];
            (async () => { \(script) })().then(done, (error) => done({ error: String(error) }));
            """
        return try await command("POST", "execute/async", ["script": .string(whole), "args": []])
    }

    /// Has every page that is opened from now on run JavaScript before its own.
    func prepare(_ script: String) async throws {
        _ = try await command(
            "POST", "goog/cdp/execute",
            ["cmd": "Page.addScriptToEvaluateOnNewDocument", "params": ["source": .string(script)]])
    }

    /// Shows pages from now on as somebody sees them who prefers `light` or `dark` and has so many CSS pixels, and so many
    /// samples to one of them.
    func look(_ scheme: String, width: Int, height: Int = 900, density: Int = 1) async throws {
        _ = try await command(
            "POST", "goog/cdp/execute",
            [
                "cmd": "Emulation.setEmulatedMedia",
                "params": ["features": [["name": "prefers-color-scheme", "value": .string(scheme)]]],
            ])
        _ = try await command(
            "POST", "goog/cdp/execute",
            [
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": [
                    "width": .integer(width), "height": .integer(height), "deviceScaleFactor": .integer(density),
                    "mobile": false,
                ],
            ])
    }

    /// Presses a key, as a keyboard does; those without a letter have code points of their own (section 17.4.2).
    func press(_ key: String) async throws {
        let strokes: JSON = [
            ["type": "keyDown", "value": .string(key)], ["type": "keyUp", "value": .string(key)],
        ]
        _ = try await command(
            "POST", "actions", ["actions": [["type": "key", "id": "keyboard", "actions": strokes]]])
    }

    /// Clicks as a person does: the element has to be there, visible and not covered.
    func click(_ selector: String) async throws {
        _ = try await command("POST", "element/\(try await element(selector))/click", [:])
    }

    /// Types as a person does.
    func type(_ text: String, into selector: String) async throws {
        _ = try await command("POST", "element/\(try await element(selector))/value", ["text": .string(text)])
    }

    private func element(_ selector: String) async throws -> String {
        let found = try await command("POST", "element", ["using": "css selector", "value": .string(selector)])
        return try #require(found[Self.elementIdentifier]?.stringValue)
    }

    /// Waits until JavaScript says yes.
    func wait(until script: String, within limit: Duration = .seconds(60)) async throws {
        do {
            try await eventually(script, within: limit) { try await self.evaluate("return !!(\(script))") == true }
        } catch {
            let text = try await evaluate("return document.body.innerText")
            Issue.record("\(error)\nthe page says: \(text.text.prefix(2000))\n\(try await complaints())")
            throw error
        }
    }

    /// The text that people see.
    func visibleText() async throws -> String {
        try await evaluate("return document.body.innerText").stringValue ?? ""
    }

    /// Errors in the browser's console.
    func complaints() async throws -> [String] {
        (try await command("POST", "se/log", ["type": "browser"]).arrayValue ?? [])
            .filter { $0["level"] == "SEVERE" }.compactMap { $0["message"]?.stringValue }
    }

    /// Keeps a picture of the page where SHOWRUNNER_SCREENSHOTS says; by default it goes with the other files.
    func screenshot(_ name: String) async throws {
        let encoded = try #require(try await command("GET", "screenshot").stringValue)
        let picture = try #require(Data(base64Encoded: encoded))
        #expect(picture.count > 1000)
        let folder = ProcessInfo.processInfo.environment["SHOWRUNNER_SCREENSHOTS"] ?? Workplace.path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try picture.write(to: URL(filePath: "\(folder)/\(name).png"))
    }
}
