import EngineClient
import Testing

@Suite("Which engine a command talks to")
struct EngineChoiceTests {
    @Test(
        "the option counts, then the variable, then this machine",
        arguments: [
            (nil, nil, "http://127.0.0.1:4600"), (nil, "", "http://127.0.0.1:4600"),
            (nil, "http://localhost:1/", "http://localhost:1"),
            ("http://[::1]:2", "http://localhost:1", "http://[::1]:2"), ("", nil, nil), ("here", nil, nil),
            ("http://elsewhere", nil, nil),
        ] as [(String?, String?, String?)])
    func choice(option: String?, variable: String?, url: String?) throws {
        var environment: [String: String] = [:]
        environment["SHOWRUNNER_ENGINE"] = variable
        guard let url else {
            let error = #expect(throws: EngineClientError.self) {
                _ = try EngineClient(engine: option, environment: environment)
            }
            #expect(error?.code == .usage)
            return
        }
        #expect(try EngineClient(engine: option, environment: environment).baseURL == url)
    }
}
