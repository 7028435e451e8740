import Engine
import Glibc
import JSON

/// A Map with so many items, so many of them at the same time, each a Task that is answered at once.
enum FanOut {
    static func run(_ stage: EngineStage, items: Int, concurrency: Int, seconds: Int) async throws {
        let answer = #""Type":"Task","Resource":"\#(Answers.resource)""#
        let definition = """
            {"StartAt":"All","States":{
              "All":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":\(concurrency),"ResultPath":null,
                     "ItemProcessor":{"StartAt":"One","States":{"One":{\(answer),"Parameters":{"FunctionName":"answer","Payload.$":"$"},"End":true}}},"Next":"Last"},
              "Last":{\(answer),"Parameters":{"FunctionName":"answer","Payload":{"lane":0,"last":true}},"End":true}}}
            """
        _ = try await stage.engine.createMachine(NewMachine(name: "fan-out", definition: definition))
        let input = #"{"items":[\#((0..<items).map { "{\"n\":\($0)}" }.joined(separator: ","))]}"#
        var maps = 0
        let cost = try await Cost.measure(stage) {
            let end = ContinuousClock.now.advanced(by: .seconds(seconds))
            var ends = stage.answers.ends.makeAsyncIterator()
            repeat {
                _ = try await stage.engine.startExecution(machine: "fan-out", name: nil, input: input)
                _ = await ends.next()
                maps += 1
            } while .now < end
        }
        print("fan-out, Maps of \(items) items, \(concurrency) at the same time")
        cost.tell("items", maps * items)
        try await stage.tellPeer()
    }
}
