import Interpreter
public import JSON
import StatesLanguage
public import StepContracts

/// The Resources whose tasks somebody here does: workers, the engine itself, or whoever asks an activity for them. A task
/// of any other waits for ever, so that CreateStateMachine refuses it and `lint` warns of it.
///
/// What AWS itself knows is another question: TestState, ValidateStateMachineDefinition and `simulate` take every
/// integration that exists.
public struct SupportedResources: Sendable {
    private let steps: Set<String>
    private let services: Set<String>
    private let stepNames: [String]

    /// Behind a Resource whose worker's answer is not the end: whoever has the token ends the task.
    private static let callback = ".waitForTaskToken"
    private static let executionStart = NestedStart.fireAndForget.rawValue

    /// - Parameters:
    ///   - contracts: of the steps that workers and the engine do.
    ///   - services: Resources of the tasks that the engine does itself.
    public init(contracts: [StepContract], services: [String]) {
        steps = Set(contracts.map(\.resource))
        stepNames = contracts.map(\.resource).filter { $0.hasPrefix(StepContractView.resourcePrefix) }.map {
            String($0.dropFirst(StepContractView.resourcePrefix.count))
        }.sorted()
        self.services = Set(services).union([NestedStart.sdk.rawValue])
    }

    /// Whether somebody here does tasks of this Resource.
    public func contains(_ resource: String) -> Bool {
        if steps.contains(resource) || services.contains(resource) || NestedStart(rawValue: resource) != nil {
            return true
        }
        if resource.hasPrefix(Engine.activityPrefix) { return NameRule.allows(activityName(resource)) }
        let work = StepContract.plainResource(resource)
        guard work != resource else { return false }
        return services.contains(work) || steps.contains(work) && work.hasPrefix(StepContractView.resourcePrefix)
    }

    private func activityName(_ resource: String) -> String { String(resource.dropFirst(Engine.activityPrefix.count)) }

    /// `Supported are ...`, without full stop: what a definition may name instead.
    public var sentence: String {
        var kinds = [
            "activities (\(Engine.activityPrefix)NAME)",
            "\(Self.executionStart) (also .sync, .sync:2, \(Self.callback))",
        ]
        if !stepNames.isEmpty {
            kinds.append(
                "steps (\(StepContractView.resourcePrefix)NAME, also \(Self.callback); NAME is one of "
                    + stepNames.joined(separator: ", ") + ")")
        }
        kinds += steps.filter { !$0.hasPrefix(StepContractView.resourcePrefix) }.sorted()
        var actions: [String: [String]] = [:]
        for service in services {
            guard let colon = service.lastIndex(of: ":") else { continue }
            actions[String(service[...colon]), default: []].append(String(service[service.index(after: colon)...]))
        }
        kinds += actions.sorted { $0.key < $1.key }.map { prefix, names in
            names.count == 1 ? prefix + names[0] : "\(prefix){\(names.sorted().joined(separator: ", "))}"
        }
        return "Supported are " + kinds.joined(separator: "; ")
    }

    /// A Task state whose Resource nobody here does.
    public struct Refusal: Sendable, Hashable {
        public let resource: String
        /// Where the Resource stands.
        public let place: SourcePlace
        /// `/States/A/Resource`.
        public let location: String
    }

    /// The Task states of a definition that nobody here does, in its order. The definition is one that was read without
    /// errors.
    public func refusals(in definition: SourceTree) -> [Refusal] {
        var refusals: [Refusal] = []
        collect(definition, at: "", into: &refusals)
        return refusals
    }

    private func collect(_ machine: SourceTree, at location: String, into refusals: inout [Refusal]) {
        guard case .mapping(let states)? = machine["States"]?.value.content else { return }
        for state in states {
            let location = "\(location)/States/\(state.key)"
            switch state.value["Type"]?.value.json {
            case "Task":
                guard let field = state.value["Resource"]?.value, let resource = field.json.stringValue,
                    !contains(resource)
                else { continue }
                refusals.append(Refusal(resource: resource, place: field.place, location: location + "/Resource"))
            case "Parallel":
                guard case .sequence(let branches)? = state.value["Branches"]?.value.content else { continue }
                for (index, branch) in branches.enumerated() {
                    collect(branch, at: "\(location)/Branches[\(index)]", into: &refusals)
                }
            case "Map":
                for name in ["ItemProcessor", "Iterator"] {
                    guard let processor = state.value[name]?.value else { continue }
                    collect(processor, at: "\(location)/\(name)", into: &refusals)
                }
            default: continue
            }
        }
    }
}
