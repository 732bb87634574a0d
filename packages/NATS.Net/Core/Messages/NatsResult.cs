namespace NATS.Client.Core;

/// <summary>Success or the exception that would have been thrown.</summary>
public readonly struct NatsResult
{
    private readonly Exception? _error;

    public NatsResult(Exception error) => _error = error;

    public static NatsResult Default => default;

    public Exception Error => _error ?? throw new InvalidOperationException("Result error is not set");

    public bool Success => _error is null;

    public static implicit operator NatsResult(Exception error) => new(error);
}

/// <summary>A value or the exception that would have been thrown.</summary>
public readonly struct NatsResult<T>
{
    private readonly T? _value;
    private readonly Exception? _error;

    public NatsResult(T value) => _value = value;

    public NatsResult(Exception error) => _error = error;

    public T Value => _value ?? throw new InvalidOperationException("Result value is not set");

    public Exception Error => _error ?? throw new InvalidOperationException("Result error is not set");

    public bool Success => _error is null;

    public static implicit operator NatsResult<T>(T value) => new(value);

    public static implicit operator NatsResult<T>(Exception error) => new(error);

    internal T GetOrThrow() => _error is null ? Value : throw _error;
}
