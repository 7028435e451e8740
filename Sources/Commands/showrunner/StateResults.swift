import JSON

/// What states' tasks gave, of outputs that have all that came before as well.
struct StateResults {
    /// By the state's name; a state without one gives its result whole.
    private let paths: [String: JSON]

    /// - Parameter definition: the definition as the engine tells it, JSON; nil or anything else names no path.
    init(definition: String?) {
        var paths: [String: JSON] = [:]
        func walk(_ value: JSON) {
            for (name, member) in value.objectValue ?? [:] {
                if name == "States" {
                    for (state, body) in member.objectValue ?? [:] { paths[state] = body["ResultPath"] }
                }
                walk(member)
            }
            for element in value.arrayValue ?? [] { walk(element) }
        }
        if let definition {
            do { walk(try JSON(parsing: definition)) } catch {
                // Then it names no path: an engine's definitions are JSON.
            }
        }
        self.paths = paths
    }

    /// Nil where the state keeps nothing of it.
    func result(of state: String, in output: JSON?) -> JSON? {
        guard let path = paths[state] else { return output }
        guard let text = path.stringValue, text.hasPrefix("$") else { return nil }
        return text.split(separator: ".").dropFirst().reduce(output) { $0?[String($1)] }
    }
}
