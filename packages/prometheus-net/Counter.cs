namespace Prometheus;

public sealed class Counter : Collector<Counter.Child>, ICounter
{
    internal Counter(string name, string help, string[] labelNames, bool suppressInitialValue)
        : base(name, help, labelNames, suppressInitialValue)
    {
    }

    public double Value => Unlabelled.Value;

    internal override string Type => "counter";

    public void Inc(double increment = 1) => Unlabelled.Inc(increment);

    public void IncTo(double targetValue) => Unlabelled.IncTo(targetValue);

    public void Publish() => Unlabelled.Publish();

    public void Unpublish() => Unlabelled.Unpublish();

    internal override Child NewChild(LabelValues labelValues, bool publish) => new(this, labelValues, publish);

    public sealed class Child : ChildBase, ICounter
    {
        private AtomicDouble _value;

        internal Child(Counter parent, LabelValues labelValues, bool publish)
            : base(parent, labelValues, publish)
        {
        }

        public double Value => _value.Value;

        public void Inc(double increment = 1)
        {
            if (increment < 0)
            {
                throw new ArgumentOutOfRangeException(nameof(increment), "A counter cannot fall.");
            }

            _value.Add(increment);
            Publish();
        }

        public void IncTo(double targetValue)
        {
            _value.RaiseTo(targetValue);
            Publish();
        }

        internal override void Write(Exposition text, string name) => text.Sample(name, Labels, Value);
    }
}
