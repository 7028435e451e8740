import ArgumentParser
import JSON
import TerminalOutput

/// A run's end as the commands report it.
enum RunReport {
    /// Prints how a run ended and throws the exit code that goes with it.
    ///
    /// - Parameter run: the console's document of the run.
    static func end(_ run: JSON, json: Bool) throws {
        let status = run["status"]?.stringValue ?? ""
        let isGood = status == "SUCCEEDED"
        if json {
            Terminal.json(document(of: run))
        } else if isGood {
            let output = run["output"]
            for (name, label) in [("titleId", "title"), ("hls", "hls"), ("dash", "dash")] {
                if let value = output?[name]?.stringValue { Terminal.line("\(label)\t\(value)") }
            }
            if output?["titleId"] == nil { Terminal.line(output?.text ?? "null") }
        } else {
            let reasons = [run["error"], run["cause"]].compactMap { $0?.stringValue }.filter { !$0.isEmpty }
            Terminal.error((["showrunner: the run ended \(status)"] + reasons).joined(separator: ": "))
        }
        if !isGood { throw ExitCode(1) }
    }

    /// One object with AWS's names where AWS has one, what publishing gave beside them, and the pictures encoded.
    static func document(of run: JSON) -> JSON {
        var document = JSON.members(
            ("executionArn", run["executionArn"]), ("status", run["status"]), ("startDate", run["startDate"]),
            ("stopDate", run["stopDate"]), ("error", run["error"]), ("cause", run["cause"]))
        document["output"] = run["output"]
        for name in ["titleId", "hls", "dash"] { document[name] = run["output"]?[name] }
        document["framesEncoded"] = .integer(framesEncoded(in: run))
        return document
    }

    /// Pictures that this run had encoded; a result taken from an earlier run cost none.
    private static func framesEncoded(in run: JSON) -> Int {
        (run["states"]?.arrayValue ?? []).reduce(0) { sum, state in
            guard let output = state["output"], output["cached"]?.boolValue != true else { return sum }
            return sum + (output["framesEncoded"]?.integerValue ?? 0)
        }
    }
}
