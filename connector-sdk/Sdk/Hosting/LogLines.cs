using System.Buffers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Connectors.Sdk.Hosting;

/// <summary>
/// Writes log lines to a stream, standard output, many at once: whoever logs leaves its line in memory, and one thread writes what has gathered. After a rest
/// that is at once, then every 20 ms, so that a busy service makes fifty writes a second and wakes nobody for a line. If the reader of the output falls
/// behind, lines are dropped, counted and told of, and nobody waits. What has gathered is written before the process ends, unless it is killed.
/// </summary>
internal sealed class LogLines : ILoggerProvider, ILogger
{
    private const int MaxBytes = 4 * 1024 * 1024;
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20);

    // How long the end of the process waits for an output that nobody reads.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _line;

    private readonly LogLineFormatter _formatter;
    private readonly Stream _output;
    private readonly Thread _thread;

    // Guards what has gathered, and the state beside it.
    private readonly object _gate = new();
    private ArrayBufferWriter<byte> _gathered = new();
    private ArrayBufferWriter<byte> _writing = new();
    private long _dropped;
    private bool _isResting;
    private bool _isEnding;
    private bool _isOver;

    public LogLines(LogLineFormatter formatter, Stream output)
    {
        (_formatter, _output) = (formatter, output);
        _thread = new Thread(WriteAll) { IsBackground = true, Name = "log" };
        _thread.Start();

        // Of a crash, and of an end that nobody waits for, the last lines say why.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        AppDomain.CurrentDomain.UnhandledException += (_, _) => Dispose();
    }

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var line = _line ??= new ArrayBufferWriter<byte>(512);
        line.ResetWrittenCount();
        _formatter.Write(new LogEntry<TState>(logLevel, "", eventId, state, exception, formatter), line);
        lock (_gate)
        {
            if (_gathered.WrittenCount + line.WrittenCount > MaxBytes)
            {
                _dropped++;
                ServiceMetrics.LogLineDropped();
                return;
            }

            _gathered.Write(line.WrittenSpan);
            if (_isOver)
            {
                Write(_gathered);
            }
            else if (_isResting)
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Writes what has gathered. Lines that come later are written one by one.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
        }

        _thread.Join(Patience);
    }

    private void WriteAll()
    {
        while (Next() is { } next)
        {
            Write(next);
        }
    }

    // Null at the end.
    private ArrayBufferWriter<byte>? Next()
    {
        long dropped;
        lock (_gate)
        {
            if (!_isEnding && !_isResting)
            {
                Monitor.Wait(_gate, Gathering);
            }

            while (_gathered.WrittenCount == 0 && !_isEnding)
            {
                _isResting = true;
                Monitor.Wait(_gate);
            }

            _isResting = false;
            (_gathered, _writing) = (_writing, _gathered);
            (dropped, _dropped) = (_dropped, 0);

            // Whoever logs from now on writes: what is gathered after the last look would stay.
            _isOver = _writing.WrittenCount == 0;
        }

        if (dropped > 0)
        {
            Hosting.Log.LinesDropped(this, dropped);
        }

        return _writing.WrittenCount > 0 ? _writing : null;
    }

    private void Write(ArrayBufferWriter<byte> lines)
    {
        try
        {
            _output.Write(lines.WrittenSpan);
            _output.Flush();
        }
        catch (IOException)
        {
            // Whoever read the output is gone; the service goes on.
        }

        lines.ResetWrittenCount();
    }
}
