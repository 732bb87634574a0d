using Connectors.Provider.Deploying;
using Connectors.Provider.Running;

namespace Connectors.Provider;

/// <summary>Every line that the embedded provider logs; its ids are among the gateway's, 200 to 299.</summary>
internal static partial class Log
{
    [LoggerMessage(209, LogLevel.Warning, "Remains of a deleted function left behind")]
    public static partial void RemainsLeft(ILogger log, string function, string error);

    [LoggerMessage(211, LogLevel.Error, "Definition unreadable")]
    public static partial void DefinitionUnreadable(ILogger log, string path, string error);

    [LoggerMessage(212, LogLevel.Information, "Function deployed")]
    public static partial void Deployed(ILogger log, string function);

    [LoggerMessage(213, LogLevel.Information, "Functions ready")]
    public static partial void FunctionsReady(ILogger log, int functions);

    [LoggerMessage(214, LogLevel.Information, "Function deleted")]
    public static partial void Deleted(ILogger log, string function);

    [LoggerMessage(215, LogLevel.Warning, "Replica exited")]
    public static partial void ReplicaExited(ILogger log, string function, int pid, int exitCode);

    [LoggerMessage(216, LogLevel.Warning, "Replica not started")]
    public static partial void ReplicaFailed(ILogger log, string function, string error);

    [LoggerMessage(217, LogLevel.Information, "Isolation chosen")]
    public static partial void Isolated(ILogger log, string isolation, int? user);

    [LoggerMessage(218, LogLevel.Warning, "Functions share one user and can read each other's files and secrets; let the gateway make namespaces (docs/provider.md)")]
    public static partial void FunctionsShareUser(ILogger log, string error, string readable);

    [LoggerMessage(219, LogLevel.Warning, "Functions run as the gateway's user and can read its files, secrets among them; run the gateway as root, allow unprivileged user namespaces (docs/provider.md), or set function_isolation=none if you trust them")]
    public static partial void NotIsolated(ILogger log, string error);

    [LoggerMessage(220, LogLevel.Warning, "Directory of a deleted function left behind")]
    public static partial void FolderLeft(ILogger log, string folder, string error);

    [LoggerMessage(221, LogLevel.Warning, "limits.cpu is kept and shown, not enforced")]
    public static partial void CpuNotLimited(ILogger log, string function, string cpu);

    [LoggerMessage(222, LogLevel.Warning, "Replica did not end within its write_timeout and is killed")]
    public static partial void ReplicaKilled(ILogger log, string function, int pid, TimeSpan writeTimeout, int calls);

    [LoggerMessage(223, LogLevel.Warning, "GPUs of limits are kept and shown; none is set aside, and the function's processes see what the machine has")]
    public static partial void GpusNotSetAside(ILogger log, string function, string gpus);

    [LoggerMessage(224, LogLevel.Error, "Function not loaded")]
    public static partial void NotLoaded(ILogger log, string function, string error);

    [LoggerMessage(225, LogLevel.Error, "Function of the stack file not deployed")]
    public static partial void NotDeployed(ILogger log, string function, string error);

    [LoggerMessage(226, LogLevel.Error, "Process not started")]
    public static partial void ProcessFailed(ILogger log, string function, string error);

    [LoggerMessage(227, LogLevel.Warning, "Function woken by a call, though its definition cannot be written")]
    public static partial void WakeNotStored(ILogger log, string function, string error);

    [LoggerMessage(228, LogLevel.Warning, "Replica did not end before the gateway does and is killed")]
    public static partial void ReplicaCut(ILogger log, string function, int pid, int calls);

    [LoggerMessage(229, LogLevel.Warning, "Forked call of a function that ends did not end in time and is killed")]
    public static partial void ProcessKilled(ILogger log, string function, int pid, TimeSpan writeTimeout);

    [LoggerMessage(254, LogLevel.Warning, "Replica not ready; calls are answered 503 until it is")]
    public static partial void ReplicaNotReady(ILogger log, string function, int pid, TimeSpan after, string error);

    [LoggerMessage(259, LogLevel.Warning, "Functions may change the gateway's program, whose directory cannot be made read-only for them; run the gateway as root, or give its program to another user (docs/provider.md)")]
    public static partial void ProgramWritable(ILogger log, string folder, string error);
}
