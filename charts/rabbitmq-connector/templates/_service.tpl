{{- define "connectors.rabbitmq-connector.kedaTriggers" -}}
{{- /*
A message that is here is not in the queue's depth, whether it runs or waits for a slot. Each replica tells the depth of the whole queue, and what it holds itself;
the two have other labels, so that "or" takes both, also where one is missing.
*/ -}}
{{- $own := include "connectors.alertSelector" . -}}
{{- $query := printf "sum(max by (queue) (rabbitmq_connector_queue_depth{%s}) or rabbitmq_connector_in_flight_messages{%s})" $own $own -}}
{{- include "connectors.prometheusTrigger" (dict "root" . "query" $query) -}}
{{- end -}}

{{- define "connectors.rabbitmq-connector.exclusive" -}}
{{- range .Values.queues }}{{ if .exclusive }}{{ .name }} {{ end }}{{ end -}}
{{- end -}}

{{/* An exclusive queue is one connection's alone: a second pod beside the first would never be ready. */}}
{{- define "connectors.rabbitmq-connector.strategy" -}}
{{- if include "connectors.rabbitmq-connector.exclusive" . -}}
type: Recreate
{{- else -}}
{{- toYaml .Values.strategy -}}
{{- end -}}
{{- end -}}

{{- define "connectors.rabbitmq-connector.env" -}}
{{- with include "connectors.rabbitmq-connector.exclusive" . | trim }}
{{- if or (gt (int $.Values.replicas) 1) $.Values.autoscaling.enabled $.Values.keda.enabled }}
{{- fail (printf "queues: %s is exclusive, and one replica alone can consume it: replicas above 1, autoscaling.enabled and keda.enabled are not for it" .) }}
{{- end }}
{{- end }}
- name: gateway_url
  value: {{ .Values.gatewayURL | quote }}
- name: basic_auth
  value: {{ .Values.basic_auth | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: upstream_timeout
  value: {{ include "connectors.text" .Values.upstreamTimeout | quote }}
- name: rebuild_interval
  value: {{ include "connectors.text" .Values.rebuildInterval | quote }}
- name: asynchronous_invocation
  value: {{ .Values.asyncInvocation | quote }}
- name: content_type
  value: {{ .Values.contentType | quote }}
{{- with .Values.namespaces }}
- name: namespaces
  value: {{ join "," . | quote }}
{{- end }}
- name: print_request_body
  value: {{ .Values.printRequestBody | quote }}
- name: print_response
  value: {{ .Values.printResponse | quote }}
- name: print_response_body
  value: {{ .Values.printResponseBody | quote }}
- name: ack_on
  value: {{ .Values.ackOn | quote }}
- name: cloud_events
  value: {{ .Values.cloudEvents | quote }}
- name: max_inflight
  value: {{ include "connectors.text" .Values.maxInflight | quote }}
- name: prefetch
  value: {{ include "connectors.text" .Values.prefetch | quote }}
- name: on_failure
  value: {{ .Values.onFailure | quote }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
- name: rabbitmq_url
  value: {{ .Values.rabbitmqURL | quote }}
- name: queues
  value: {{ include "connectors.rabbitmq-connector.queues" . | quote }}
- name: declare_queues
  value: {{ .Values.declareQueues | quote }}
{{- with .Values.deadLetterQueue }}
- name: dead_letter_queue
  value: {{ . | quote }}
{{- end }}
{{- if .Values.rabbitmqUsernameSecret }}
- name: username_file
  value: /var/secrets/rabbitmq-username/username
{{- end }}
{{- if .Values.rabbitmqPasswordSecret }}
- name: password_file
  value: /var/secrets/rabbitmq-password/password
{{- end }}
{{- if .Values.caSecret }}
- name: ca_file
  value: /var/secrets/rabbitmq-ca/ca-cert
{{- end }}
{{- if .Values.certSecret }}
- name: cert_file
  value: /var/secrets/client-cert/client-cert
{{- end }}
{{- if .Values.keySecret }}
- name: key_file
  value: /var/secrets/client-key/client-key
{{- end }}
{{- end -}}

{{- define "connectors.rabbitmq-connector.queues" -}}
{{- if not .Values.queues -}}
{{- fail "queues: at least one queue is needed, such as --set queues[0].name=orders" -}}
{{- end -}}
{{ toJson .Values.queues }}
{{- end -}}

{{- define "connectors.rabbitmq-connector.volumeMounts" -}}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end -}}

{{- define "connectors.rabbitmq-connector.volumes" -}}
- name: secrets
  projected:
    sources:
      {{- if .Values.basic_auth }}
      - secret:
          name: {{ required "basicAuthSecret: the name of a secret is needed with basic_auth" .Values.basicAuthSecret | quote }}
      {{- end }}
      {{- with .Values.rabbitmqUsernameSecret }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: username
              path: rabbitmq-username/username
      {{- end }}
      {{- with .Values.rabbitmqPasswordSecret }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: password
              path: rabbitmq-password/password
      {{- end }}
      {{- with .Values.caSecret }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: ca-cert
              path: rabbitmq-ca/ca-cert
      {{- end }}
      {{- with .Values.certSecret }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: client-cert
              path: client-cert/client-cert
      {{- end }}
      {{- with .Values.keySecret }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: client-key
              path: client-key/client-key
      {{- end }}
{{- end -}}
