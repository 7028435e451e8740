/// What an access key is for. A key has one role.
public enum Role: String, Sendable, Hashable, CaseIterable {
    /// Sees everything that runs and everything that is defined, inputs and outputs included; changes nothing.
    case viewer
    /// A viewer who also runs things: uploads, starts, stops, redrives, answers tasks.
    case `operator`
    /// An operator who also changes what can be run: state machines, versions, aliases, activities, tags.
    case author
    /// Everything, access keys and connections included.
    case admin
    /// A worker program: takes tasks and answers them, and sees nothing else.
    case worker

    /// Whether a key of this role may do something. This is the whole matrix.
    public func allows(_ action: Action) -> Bool {
        switch self {
        case .viewer: action.rank == .reading
        case .operator: action.rank == .reading || action.rank == .operating
        case .author: action.rank == .reading || action.rank == .operating || action.rank == .authoring
        case .admin: true
        case .worker: action.isWork
        }
    }
}
