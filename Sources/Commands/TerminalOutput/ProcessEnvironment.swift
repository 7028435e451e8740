import Glibc

/// What whoever started this process set for it.
public enum ProcessEnvironment {
    /// By name, as they are now; what has no `=` is no variable, and of two with one name the first counts, as for `getenv`.
    public static var variables: [String: String] {
        var variables: [String: String] = [:]
        var pointer = environ
        while let entry = pointer.pointee {
            let text = String(cString: entry)
            if let split = text.firstIndex(of: "=") {
                let name = String(text[..<split])
                if variables[name] == nil { variables[name] = String(text[text.index(after: split)...]) }
            }
            pointer += 1
        }
        return variables
    }
}
