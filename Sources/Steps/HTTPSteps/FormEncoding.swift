import Encodings
import JSON

/// `application/x-www-form-urlencoded` content from an object, as an HTTP task's Transform asks for it.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html#url-encode-request-body
enum FormEncoding {
    /// How an array `{"a": ["x", "y"]}` is written.
    enum ArrayFormat: String, CaseIterable, Sendable {
        /// `a[0]=x&a[1]=y`
        case indices = "INDICES"
        /// `a=x&a=y`
        case repeated = "REPEAT"
        /// `a=x,y`
        case commas = "COMMAS"
        /// `a[]=x&a[]=y`
        case brackets = "BRACKETS"
        /// The array's JSON: `a=["x","y"]`
        case none = "NONE"
    }

    /// Members in their order; nested objects as `a[b]=x`, nulls as nothing. `body` has to be an object.
    static func text(_ body: JSON, _ format: ArrayFormat) -> String {
        var pairs: [(name: String, value: String)] = []
        for (name, value) in body.objectValue ?? [:] { add(value, as: name, format, to: &pairs) }
        return pairs.map { "\(encode($0.name))=\(encode($0.value))" }.joined(separator: "&")
    }

    private static func add(
        _ value: JSON, as name: String, _ format: ArrayFormat, to pairs: inout [(name: String, value: String)]
    ) {
        switch value {
        case .null: return
        case .object(let members):
            for (key, value) in members { add(value, as: "\(name)[\(key)]", format, to: &pairs) }
        case .array(let elements):
            switch format {
            case .indices:
                for (index, element) in elements.enumerated() {
                    add(element, as: "\(name)[\(index)]", format, to: &pairs)
                }
            case .repeated: for element in elements { add(element, as: name, format, to: &pairs) }
            case .brackets: for element in elements { add(element, as: "\(name)[]", format, to: &pairs) }
            case .commas:
                pairs.append((name, elements.map { HTTPTaskField.text($0) ?? $0.text }.joined(separator: ",")))
            case .none: pairs.append((name, value.text))
            }
        case .bool, .integer, .double, .string: pairs.append((name, HTTPTaskField.text(value) ?? ""))
        }
    }

    private static func encode(_ text: String) -> String { PercentEncoding.encode(text) }
}
