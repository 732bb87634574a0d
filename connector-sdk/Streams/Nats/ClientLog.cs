using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Connectors.Streams.Nats;

/// <summary>
/// What the NATS client logs, for people: it writes several lines with stack traces at each try to connect, one of them with all that the server says of
/// itself, and only in these is told why a connection that was lost does not come back. Here a trouble is one line with the whole chain of its causes, told
/// once until the connection is there again; the rest is for debugging.
/// </summary>
internal sealed class ClientLog(ILoggerFactory loggers) : ILoggerFactory, ILogger
{
    private readonly ILogger _log = loggers.CreateLogger<NatsLink>();
    private readonly ConcurrentDictionary<string, bool> _told = new(StringComparer.Ordinal);
    private volatile string _last = "";

    /// <summary>The last trouble that an exception brought; empty for none.</summary>
    public string Last => _last;

    /// <summary>Each trouble is told once more: the connection is there again.</summary>
    public void Forget()
    {
        _told.Clear();
        _last = "";
    }

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => _log.IsEnabled(logLevel < LogLevel.Warning ? LogLevel.Debug : logLevel);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var words = exception is null ? formatter(state, null) : $"{formatter(state, null)}: {Causes(exception)}";
        var trouble = exception is null ? words : Causes(exception);
        var isNews = logLevel >= LogLevel.Warning && _told.TryAdd(trouble, true);
        _last = exception is null ? _last : trouble;
        Nats.Log.NatsClient(_log, isNews ? LogLevel.Warning : LogLevel.Debug, words);
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void AddProvider(ILoggerProvider provider)
    {
        // What the service logs to is not the client's business.
    }

    public void Dispose()
    {
        // The factory is the service's.
    }

    /// <summary>An exception and what caused it, in one line: what went wrong with TLS or a login is only told by the innermost of up to four.</summary>
    public static string Causes(Exception fault)
    {
        var causes = new List<string>();
        for (var cause = fault; cause is not null; cause = cause.InnerException)
        {
            if (!causes.Contains(cause.Message))
            {
                causes.Add(cause.Message);
            }
        }

        return string.Join(": ", causes);
    }
}
