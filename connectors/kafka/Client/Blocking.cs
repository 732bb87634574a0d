namespace Connectors.Kafka.Client;

/// <summary>librdkafka's calls block, some of them for as long as the brokers like; they get threads of their own, which do not keep the process.</summary>
internal static class Blocking
{
    /// <summary>Runs work on a thread.</summary>
    public static Task RunAsync(Action work, string name) => RunAsync(
        () =>
        {
            work();
            return true;
        },
        name);

    /// <summary>Runs work on a thread, for its result.</summary>
    public static Task<T> RunAsync<T>(Func<T> work, string name)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        })
        { IsBackground = true, Name = name }.Start();
        return done.Task;
    }
}
