import JSON
import Testing

@testable import StepFunctionsAPI

private let second: Int64 = 1_000_000_000

@Suite("Quotas of the operations")
struct RequestQuotaTests {
    @Test("the service bounds each operation but synchronous starts, and some of them as its page says")
    func ofTheService() {
        let bounded = Set(RequestQuotas.aws.quotas.keys)
        #expect(
            bounded.subtracting([RequestQuotas.expressStart])
                == WireOperations.names.subtracting(["StartSyncExecution"]))
        for (name, size, refill) in [
            ("StartExecution", 1300, 300), (RequestQuotas.expressStart, 6000, 6000), ("GetActivityTask", 3000, 500),
            ("DescribeExecution", 300, 15), ("CreateStateMachine", 100, 1), ("TestState", 50, 10),
            ("UntagResource", 200, 1), ("ListExecutions", 200, 5),
        ] {
            #expect(RequestQuotas.aws.quotas[name] == .init(bucketSize: size, refillPerSecond: refill), "\(name)")
        }
    }

    @Test("operations have buckets of their own, and what has no quota is not bounded")
    func separation() throws {
        let throttle = Throttle(
            quotas: RequestQuotas(quotas: [
                "ListExecutions": .init(bucketSize: 1, refillPerSecond: 1),
                "StopExecution": .init(bucketSize: 1, refillPerSecond: 4),
            ]))
        try throttle.admit("ListExecutions", at: 0)
        try throttle.admit("StopExecution", at: 0)
        for _ in 0..<1000 { try throttle.admit("DescribeExecution", at: 0) }
        let refusal = #expect(throws: ServiceError.self) { try throttle.admit("ListExecutions", at: second / 2) }
        #expect(refusal?.name == "ThrottlingException" && refusal?.status == .badRequest)
        #expect(refusal?.message == "Rate exceeded: ListExecutions may be called 1 times at once and 1 times a second")
        #expect(refusal?.retryAfterSeconds == 1)
        try throttle.admit("StopExecution", at: second / 2)
        try throttle.admit("ListExecutions", at: second)
    }

    @Test("a document of quotas is read, and all that is wrong with one is told with its place")
    func reading() throws {
        let good = #"{"StartExecution": {"bucketSize": 5, "refillPerSecond": 2}}"#
        #expect(
            try RequestQuotas(SourceTree(parsingJSON: good)).quotas == [
                "StartExecution": .init(bucketSize: 5, refillPerSecond: 2)
            ])
        let bad = """
            {"StartExecutions": {"bucketSize": 5, "refillPerSecond": 2},
             "StopExecution": {"bucketSize": 0, "refillPerSecond": 1.5},
             "TestState": {"bucketSize": 1, "rate": 2},
             "TagResource": 3}
            """
        let faults = #expect(throws: RequestQuotas.Faults.self) { try RequestQuotas(SourceTree(parsingJSON: bad)) }
        #expect(
            faults?.faults.map { "\($0.place.line): \($0.reason)" } == [
                "1: there is no operation 'StartExecutions'",
                "2: bucketSize has to be a whole number from 1 to 1000000",
                "2: refillPerSecond has to be a whole number from 1 to 1000000",
                "3: 'rate' is not known here: a quota has bucketSize and refillPerSecond",
                "3: 'TestState' lacks refillPerSecond", "4: a quota is {bucketSize: N, refillPerSecond: N}",
            ])
        #expect(throws: RequestQuotas.Faults.self) { try RequestQuotas(SourceTree(parsingJSON: "[]")) }
    }
}
