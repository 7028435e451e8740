import HTTPServer
public import JSON

/// How often the operations of the wire may be called: a token bucket for each. What has none is not bounded.
public struct RequestQuotas: Sendable, Hashable {
    /// One operation's bucket.
    public struct Quota: Sendable, Hashable {
        /// Calls at once.
        public let bucketSize: Int
        /// Calls a second in the long run.
        public let refillPerSecond: Int

        /// Both from 1 to a million.
        public init(bucketSize: Int, refillPerSecond: Int) {
            self.bucketSize = bucketSize
            self.refillPerSecond = refillPerSecond
        }
    }

    /// By operation. StartExecution of EXPRESS machines has a bucket of its own: ``expressStart``.
    public let quotas: [String: Quota]

    public init(quotas: [String: Quota]) { self.quotas = quotas }

    /// The name under which the starts of EXPRESS machines are counted.
    public static let expressStart = "StartExecution.EXPRESS"

    /// No bounds.
    public static let none = RequestQuotas(quotas: [:])

    /// The default quotas of us-east-1.
    ///
    /// Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html#service-limits-api-action-throttling-general
    public static let aws: RequestQuotas = {
        var quotas: [String: Quota] = [
            "StartExecution": Quota(bucketSize: 1300, refillPerSecond: 300),
            expressStart: Quota(bucketSize: 6000, refillPerSecond: 6000),
            "RedriveExecution": Quota(bucketSize: 1300, refillPerSecond: 300),
            "StopExecution": Quota(bucketSize: 1000, refillPerSecond: 200),
            "DescribeExecution": Quota(bucketSize: 300, refillPerSecond: 15),
            "DescribeStateMachine": Quota(bucketSize: 200, refillPerSecond: 20),
            "GetExecutionHistory": Quota(bucketSize: 400, refillPerSecond: 20),
            "ListActivities": Quota(bucketSize: 100, refillPerSecond: 10),
            "ListExecutions": Quota(bucketSize: 200, refillPerSecond: 5),
            "ListStateMachines": Quota(bucketSize: 100, refillPerSecond: 5),
            "TestState": Quota(bucketSize: 50, refillPerSecond: 10),
        ]
        for name in ["GetActivityTask", "SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"] {
            quotas[name] = Quota(bucketSize: 3000, refillPerSecond: 500)
        }
        for name in [
            "DescribeActivity", "DescribeMapRun", "DescribeStateMachineAlias", "DescribeStateMachineForExecution",
            "TagResource", "UntagResource",
        ] {
            quotas[name] = Quota(bucketSize: 200, refillPerSecond: 1)
        }
        for name in [
            "CreateActivity", "CreateStateMachine", "CreateStateMachineAlias", "DeleteActivity", "DeleteStateMachine",
            "DeleteStateMachineAlias", "DeleteStateMachineVersion", "ListMapRuns", "ListStateMachineAliases",
            "ListStateMachineVersions", "ListTagsForResource", "PublishStateMachineVersion", "UpdateMapRun",
            "UpdateStateMachine", "UpdateStateMachineAlias", "ValidateStateMachineDefinition",
        ] {
            quotas[name] = Quota(bucketSize: 100, refillPerSecond: 1)
        }
        return RequestQuotas(quotas: quotas)
    }()

    /// What is wrong with a document of quotas, and where.
    public struct Fault: Error, Sendable, Hashable {
        public let place: SourcePlace
        public let reason: String
    }

    /// Reads quotas: a mapping from operations to `{bucketSize, refillPerSecond}`.
    ///
    /// Throws everything that is wrong.
    public init(_ document: SourceTree) throws(Faults) {
        var faults: [Fault] = []
        var quotas: [String: Quota] = [:]
        if case .mapping(let members) = document.content {
            for member in members {
                if quotas[member.key] != nil {
                    faults.append(Fault(place: member.keyPlace, reason: "'\(member.key)' stands here twice"))
                }
                guard WireOperations.names.contains(member.key) || member.key == Self.expressStart else {
                    faults.append(
                        Fault(place: member.keyPlace, reason: "there is no operation '\(member.key)'"))
                    continue
                }
                quotas[member.key] = Self.quota(member, &faults)
            }
        } else {
            faults.append(
                Fault(place: document.place, reason: "this has to be a mapping from operations to their quotas"))
        }
        guard faults.isEmpty else { throw Faults(faults: faults) }
        self.quotas = quotas
    }

    /// All that is wrong with a document of quotas, in its order.
    public struct Faults: Error, Sendable, Hashable {
        public let faults: [Fault]
    }

    private static func quota(_ member: SourceTree.Member, _ faults: inout [Fault]) -> Quota? {
        guard case .mapping(let fields) = member.value.content else {
            faults.append(
                Fault(place: member.value.place, reason: "a quota is {bucketSize: N, refillPerSecond: N}"))
            return nil
        }
        for field in fields where !["bucketSize", "refillPerSecond"].contains(field.key) {
            faults.append(
                Fault(
                    place: field.keyPlace,
                    reason: "'\(field.key)' is not known here: a quota has bucketSize and refillPerSecond"))
        }
        let numbers = ["bucketSize", "refillPerSecond"].map { name -> Int? in
            guard let value = member.value[name]?.value else {
                faults.append(Fault(place: member.keyPlace, reason: "'\(member.key)' lacks \(name)"))
                return nil
            }
            guard let number = value.json.integerValue, (1...TokenBucket.maximum).contains(number) else {
                faults.append(
                    Fault(
                        place: value.place,
                        reason: "\(name) has to be a whole number from 1 to \(TokenBucket.maximum)"))
                return nil
            }
            return number
        }
        guard let size = numbers[0], let refill = numbers[1] else { return nil }
        return Quota(bucketSize: size, refillPerSecond: refill)
    }
}
