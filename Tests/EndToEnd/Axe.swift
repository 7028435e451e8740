import JSON
import Testing

/// axe-core, which finds what keeps people from using a page; as the PyPI package `axe-playwright-python` brings it.
enum Axe {
    /// What has to be installed, where it is not.
    static let missing: Comment = "axe-core is not installed: 'pip install --no-deps axe-playwright-python' to run this"

    static func isInstalled() async throws -> Bool { try await path() != nil }

    private static func path() async throws -> String? {
        let script = """
            import importlib.util
            found = importlib.util.find_spec("axe_playwright_python")
            print(found.submodule_search_locations[0] + "/axe.min.js" if found else "", end="")
            """
        do {
            let ended = try await Python.run(script, [])
            return ended.status == 0 && !ended.output.isEmpty ? ended.output : nil
        } catch is TooLate {
            return nil
        }
    }

    static func script() async throws -> String { try text(try #require(try await path())) }
}

extension Browser {
    /// Whether nobody has to scroll sideways to read the page.
    func isAsWideAsItsWindow() async throws -> Bool {
        try await evaluate("return document.documentElement.scrollWidth <= innerWidth") == true
    }

    /// The page breaks none of the rules of WCAG 2.2, levels A and AA, that a program can check.
    func expectAccessible(
        _ page: String, _ axe: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        if try await evaluate("return !!window.axe") == false { _ = try await evaluate(axe) }
        let found = try await evaluateAsync(
            """
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
            const { violations, passes } = await window.axe.run(document, { runOnly: { type: 'tag', values: tags } });
            return {
              passes: passes.length,
              violations: violations.map(({ id, help, nodes }) =>
                `${id}: ${help}\\n` + nodes.slice(0, 5).map(({ html, any, all, none }) =>
                  `  ${html.slice(0, 200)}\\n    ${[...any, ...all, ...none].map(({ message }) => message).join(' ')}`).join('\\n')),
            };
            """)
        #expect(found["violations"] == [], "\(page): \(found.text)", sourceLocation: sourceLocation)
        #expect((found["passes"]?.integerValue ?? 0) >= 8, "\(page): \(found.text)", sourceLocation: sourceLocation)
    }
}
