import ArgumentParser
import JSON

/// Arguments that are JSON, or `@FILE` with the name of a file that holds some.
enum JSONArgument {
    private static let maximumBytes = 4 << 20

    /// The text, which is JSON.
    static func text(_ argument: String, of option: String) throws -> String {
        var text = argument
        if argument.hasPrefix("@") {
            let bytes = try FileBytes.read(String(argument.dropFirst()), limit: maximumBytes)
            text = String(decoding: bytes, as: UTF8.self)
        }
        do throws(JSONSyntaxError) { _ = try JSON(parsing: text) } catch {
            let place = argument.hasPrefix("@") ? "the file \(argument.dropFirst()) of \(option)" : option
            throw ValidationError("\(place) is \(error.description)")
        }
        return text
    }

    /// The value.
    static func value(_ argument: String, of option: String) throws -> JSON {
        try JSON(parsing: text(argument, of: option))
    }
}
