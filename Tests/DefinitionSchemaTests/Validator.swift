import DefinitionSchema
import Foundation
import JSON
import StepContracts
import TemporaryFolder
import Testing

/// PyPI's jsonschema, which checks documents against our schema.
enum Validator {
    /// Says of each document what is wrong with it, a line of `place: message` each; no line where it is valid.
    private static let script = """
        import json, sys
        from jsonschema import Draft202012Validator
        order = json.load(open(sys.argv[1]))
        Draft202012Validator.check_schema(order["schema"])
        validator = Draft202012Validator(order["schema"])
        def place(error): return "/" + "/".join(str(part) for part in error.absolute_path)
        print(json.dumps([
            [place(e) + ": " + e.message for e in sorted(validator.iter_errors(d), key=place)]
            for d in order["documents"]]))
        """

    static let isInstalled: Bool = {
        do { return try run(["-c", "import jsonschema; jsonschema.Draft202012Validator"]).status == 0 } catch {
            return false
        }
    }()

    static func problems(of documents: [JSON]) throws -> [[String]] {
        let order: JSON = [
            "schema": DefinitionSchema.document(steps: StepContract.all), "documents": .array(documents),
        ]
        let folder = try TemporaryFolder()
        let output = try run(["-c", script, try folder.write("schema.json", order.utf8)])
        withExtendedLifetime(folder) {}
        try #require(output.status == 0, "jsonschema fails: \(output.text)")
        let answer = try JSON(parsing: output.text)
        return (answer.arrayValue ?? []).map { ($0.arrayValue ?? []).compactMap(\.stringValue) }
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }
}
