using Connectors.Sdk.Hosting;

namespace Connectors.Sdk.Events;

/// <summary>What <c>/metrics</c> tells of topics by their names. It stays for the life of the process, unless a source whose topics come and go says which have gone.</summary>
public static class TopicMetrics
{
    /// <summary>
    /// Takes back all that is told of a topic. To be called once its last event has been settled, and some minutes later: what happened last is to be seen, and an
    /// event that ends after this is told of from its beginning again.
    /// </summary>
    /// <param name="topic">The topic, as its events have it.</param>
    public static void Forget(string topic) => Metrics.ForgetTopic(topic);
}
