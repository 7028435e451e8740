/// State machines as commands name them.
enum MachineArgument {
    /// A machine's ARN from its name or ARN.
    static func arn(of nameOrARN: String) -> String {
        nameOrARN.hasPrefix("arn:") ? nameOrARN : "arn:aws:states:us-east-1:000000000000:stateMachine:\(nameOrARN)"
    }
}
