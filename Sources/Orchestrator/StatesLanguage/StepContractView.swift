/// What the linter knows of a step, so that a definition can be checked against it.
public struct StepContractView: Sendable, Hashable {
    /// One member of the step's input or output.
    public struct Member: Sendable, Hashable {
        public let name: String
        /// `string`, `number`, `boolean`, `object`, `array` or `any`.
        public let kind: String
        public let isRequired: Bool

        public init(name: String, kind: String, isRequired: Bool) {
            self.name = name
            self.kind = kind
            self.isRequired = isRequired
        }
    }

    /// The name in `arn:aws:states:::showrunner:NAME`.
    public let name: String
    public let input: [Member]
    /// The members of the document that the step gives; none where nothing is known of it.
    public let output: [Member]
    /// The names under which it may fail.
    public let errors: [String]

    public init(name: String, input: [Member], output: [Member] = [], errors: [String] = []) {
        self.name = name
        self.input = input
        self.output = output
        self.errors = errors
    }

    /// What resources of steps begin with.
    public static let resourcePrefix = "arn:aws:states:::showrunner:"

    /// What names of errors of steps begin with.
    public static let errorPrefix = "Showrunner."

    /// The step that a Resource with this prefix names, without the pattern behind it.
    static func stepName(in resource: String) -> String {
        let name = resource.dropFirst(resourcePrefix.count)
        let pattern = ".waitForTaskToken"
        return String(name.hasSuffix(pattern) ? name.dropLast(pattern.count) : name)
    }
}
