using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Connectors.Cli.Printing;

namespace Connectors.Cli;

/// <summary>From arguments to an exit code.</summary>
internal static class CommandLine
{
    private const string Name = "connectors";
    private const int Interrupted = 130;

    // What was started is stopped first, and may have calls to bring to an end.
    private static readonly TimeSpan StopLimit = TimeSpan.FromMinutes(3);

    public static async Task<int> RunAsync(RootCommand root, IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
        if (parsed.Action is ParseErrorAction)
        {
            return Refuse(parsed, error);
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = StopLimit, Output = output, Error = error });
        }
        catch (IOException fault) when (StandardOutput.IsLeft(fault))
        {
            // Who reads the results has enough of them.
            return 0;
        }
    }

    /// <summary>What a sub-command does; failures become one line and an exit code.</summary>
    public static void Does(this Command command, Func<Session, CancellationToken, Task> act) => command.Acts(async (parsed, ct) =>
    {
        using var session = Session.Open(parsed);
        try
        {
            await act(session, ct);
        }
        catch (OtherShapeException)
        {
            throw session.Gateway.IsOther();
        }
    });

    /// <summary>The same for one that asks no gateway.</summary>
    public static void DoesAlone(this Command command, Action<ParseResult> act) => command.Acts((parsed, _) =>
    {
        act(parsed);
        return Task.CompletedTask;
    });

    /// <summary>The same for one that goes on until it is interrupted.</summary>
    public static void DoesAlone(this Command command, Func<ParseResult, CancellationToken, Task> act) => command.Acts(act);

    private static void Acts(this Command command, Func<ParseResult, CancellationToken, Task> act) => command.SetAction(async (parsed, ct) =>
    {
        try
        {
            await act(parsed, ct);
            return 0;
        }
        catch (CommandFailure failure)
        {
            return Tell(parsed.InvocationConfiguration.Error, failure.Message, failure.ExitCode);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException && !StandardOutput.IsLeft(fault))
        {
            return Tell(parsed.InvocationConfiguration.Error, fault.Message, CommandFailure.Refused);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return Interrupted;
        }
    });

    private static int Refuse(ParseResult parsed, TextWriter error)
    {
        var names = new List<string>();
        for (SymbolResult? level = parsed.CommandResult; level is CommandResult one; level = one.Parent)
        {
            names.Insert(0, one.Command is RootCommand ? Name : one.Command.Name);
        }

        var faults = string.Join(' ', parsed.Errors.SelectMany(e => e.Message.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries)));
        return Tell(error, $"{faults} See {string.Join(' ', names)} --help", CommandFailure.BadUsage);
    }

    private static int Tell(TextWriter error, string message, int exitCode)
    {
        error.WriteLine($"{Name}: {message}");
        return exitCode;
    }
}
