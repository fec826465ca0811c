// The worker's end of its control channel, and the descriptors it keeps for the day the supervisor is gone.

internal import CLinux
internal import ControlChannel
internal import Glibc

struct ControlPort: ~Copyable {
    private(set) var socket: WorkerControlSocket
    /// False once the supervisor is gone: the worker goes on by itself.
    private(set) var isConnected = true
    let assignment: Assignment
    let eventDescriptors: [Int32]
    let listeners: [ListenerDescriptor]
    let cacheDescriptor: Int32
    let nodeDescriptor: Int32
    let configurationDescriptor: Int32
    let adoptionDescriptor: Int32

    init(socket: consuming WorkerControlSocket, provisions: borrowing Provisions) {
        self.socket = socket
        assignment = provisions.assignment
        eventDescriptors = provisions.eventDescriptors
        listeners = provisions.listeners
        cacheDescriptor = provisions.cacheDescriptor
        nodeDescriptor = provisions.nodeDescriptor
        configurationDescriptor = provisions.configurationDescriptor
        adoptionDescriptor = provisions.adoptionDescriptor
    }

    var descriptor: Int32 { socket.fd }

    func eventDescriptor(ofLane lane: Int) -> Int32 { lane < eventDescriptors.count ? eventDescriptors[lane] : -1 }

    mutating func send(_ message: WorkerMessage) {
        guard isConnected else { return }
        do { try socket.send(message) } catch { isConnected = false }
    }

    /// The next message, nil when there is none (or the supervisor is gone, see `isConnected`).
    mutating func receive() -> (SupervisorMessage, [Int32])? {
        do {
            switch try socket.receive() {
            case .message(let message, let descriptors): return (message, descriptors)
            case .nothing: return nil
            case .closed:
                isConnected = false
                return nil
            }
        } catch {
            WorkerMain.report("martlet-worker: control channel: \(error)")
            isConnected = false
            return nil
        }
    }

    /// A new supervisor has adopted this worker over another socket.
    mutating func reconnect(_ socket: consuming WorkerControlSocket) {
        self.socket = socket
        isConnected = true
    }
}
